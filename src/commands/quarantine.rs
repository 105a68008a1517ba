//! `bellwether quarantine`: what is left out of a live run.

use super::run::failure;
use crate::cli::quarantine::Args;
use crate::exit::Failure;
use bellwether::live::{Folder, Quarantine, forget_deaths};
use bellwether_connectors::disk::{Disk, RealDisk};
use std::sync::Arc;

/// Changes the list, or shows it.
pub fn run(args: &Args) -> Result<(), Failure> {
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let folder = args.state.as_path();
    if !folder.join("log").is_dir() {
        let path = folder.display();
        return Err(Failure::Input(format!("{path} is no state folder of bellwether run: it has no log")));
    }
    let mut list = Quarantine::read(disk.as_ref(), folder).map_err(failure)?;
    let changes = !args.rule.is_empty() || !args.series.is_empty();
    if changes || args.retry {
        // Nobody else may have it: a run reads the list when it starts.
        let _held = Folder::take(&disk, folder, Ok).map_err(failure)?;
        if changes {
            change(args, &mut list)?;
            list.check().map_err(|e| Failure::Input(e.to_string()))?;
            list.write(disk.as_ref(), folder).map_err(failure)?;
        }
        forget_deaths(disk.as_ref(), folder).map_err(failure)?;
    }
    if list.is_empty() {
        println!("nothing is in quarantine");
    }
    list.rules.iter().for_each(|rule| println!("rule    {rule}"));
    list.series.iter().for_each(|series| println!("series  {series}"));
    if changes || args.retry {
        println!("it holds from the next start on: bellwether run --state {}", folder.display());
    }
    Ok(())
}

fn change(args: &Args, list: &mut Quarantine) -> Result<(), Failure> {
    if let Some(rule) = args.rule.iter().find(|rule| !rule.contains('/')) {
        return Err(Failure::Usage(format!("--rule {rule}: write GROUP/NAME")));
    }
    for (named, listed) in [(&args.rule, &mut list.rules), (&args.series, &mut list.series)] {
        for name in named {
            if !args.release {
                listed.insert(name.clone());
            } else if !listed.remove(name) {
                return Err(Failure::Input(format!("{name} is not in quarantine")));
            }
        }
    }
    Ok(())
}
