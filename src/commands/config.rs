//! `bellwether config`: is a configuration good, what does it say, what may it say.

use crate::cli::config::{Action, Args};
use crate::exit::{Failure, counted};
use bellwether::config::{self, Config, Feature};
use bellwether_dataflow::rules;
use std::io::Write;
use std::path::Path;

/// Does what was asked for.
pub fn run(args: &Args) -> Result<(), Failure> {
    match &args.action {
        Action::Check { file } => check(file),
        Action::Show { file } => {
            let config = file.as_deref().map_or_else(|| Ok(Config::default()), load)?;
            print(&config.to_yaml()?)
        }
        Action::Schema => {
            let text = serde_json::to_string_pretty(&Config::schema())
                .map_err(|e| Failure::Defect(format!("the schema cannot be written: {e}")))?;
            print(&format!("{text}\n"))
        }
    }
}

fn load(path: &Path) -> Result<Config, Failure> {
    Ok(config::load(path, &|name| std::env::var(name).ok())?)
}

fn print(text: &str) -> Result<(), Failure> {
    Ok(std::io::stdout().write_all(text.as_bytes())?)
}

/// Reads the configuration and everything that it names.
fn check(path: &Path) -> Result<(), Failure> {
    let config = load(path)?;
    config.access.auth()?;
    if let Some(tls) = config.server(config.listen).tls {
        tls.check().map_err(|e| Failure::Input(e.to_string()))?;
    }
    let names: Vec<&str> = config.tenants.keys().map(String::as_str).collect();
    for name in if names.is_empty() { vec![""] } else { names.clone() } {
        let own = config.of_tenant(name);
        let set = rules::load_with(&own.rules, &Feature::promql(&own.evaluation.features))?;
        for warning in &set.warnings {
            eprintln!("{warning}\n");
        }
        for receiver in own.notify().receivers {
            receiver.check().map_err(|e| Failure::Input(e.to_string()))?;
        }
        own.remote()?;
        for receiver in own.forward().into_iter().flat_map(|spec| spec.receivers) {
            receiver.check().map_err(|e| Failure::Input(e.to_string()))?;
        }
        let of = if name.is_empty() { String::new() } else { format!("tenant {name}: ") };
        println!("{of}{} in {}", counted(set.rules().count(), "rule"), counted(set.files.len(), "file"));
    }
    if let Some(at) = config.access.open_door([config.listen].into_iter().chain(config.otlp_listen)) {
        return Err(Failure::Input(format!(
            "{}: {at} can be reached from other machines and nobody would have to say who they are: add access.basic_auth \
             or access.tokens, or say allow_unauthenticated: true",
            path.display()
        )));
    }
    println!("{}: good", path.display());
    Ok(())
}
