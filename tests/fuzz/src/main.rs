//! `bellwether-fuzz TARGET FOLDER`: writes the seeds of a target into a folder, a file each, for libFuzzer to begin with.

use bellwether_fuzz::seeds::seeds;
use std::path::Path;
use std::process::ExitCode;

fn write(target: &str, folder: &Path) -> Result<usize, String> {
    let shared = bellwether_test_support::shared()
        .ok_or("there is no shared/conformance folder beside the checkout (set BELLWETHER_SHARED)")?;
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let seeds = seeds(&shared, target)?;
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
    match write(target, Path::new(folder)) {
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
