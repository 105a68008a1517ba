//! `bellwether-fuzz TARGET FOLDER`: writes the seeds of a target into a folder, a file each, for libFuzzer to begin with.
//! Without the shared data there are none, which is said and no failure.

use bellwether_fuzz::seeds::seeds;
use std::path::Path;
use std::process::ExitCode;

fn write(target: &str, folder: &Path, shared: &Path) -> Result<usize, String> {
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let seeds = seeds(shared, target)?;
    for (n, seed) in seeds.iter().enumerate() {
        let path = folder.join(format!("seed-{n:05}"));
        std::fs::write(&path, seed).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(seeds.len())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [target, folder] = &args[..] else {
        eprintln!("usage: bellwether-fuzz TARGET FOLDER");
        return ExitCode::from(2);
    };
    let Some(shared) = bellwether_test_support::shared() else {
        println!("{target}: no seeds: no shared/conformance folder beside the checkout (set BELLWETHER_SHARED)");
        return ExitCode::SUCCESS;
    };
    match write(target, Path::new(folder), &shared) {
        Ok(n) => {
            println!("{target}: {n} seeds");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("bellwether-fuzz: {message}");
            ExitCode::FAILURE
        }
    }
}
