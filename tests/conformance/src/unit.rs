//! promtool's unit-test files: verdicts of `bellwether test` beside those of promtool 3.16.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// How the groups ended.
#[derive(Clone, Debug, Default)]
pub struct Units {
    /// Groups that promtool passes.
    pub to_pass: usize,
    /// Of these, passed here too.
    pub passed: usize,
    /// Groups that promtool does not pass.
    pub to_fail: usize,
    /// Of these, not passed here either.
    pub failed: usize,
    /// Groups with another verdict than promtool's, and what was said.
    pub differ: Vec<String>,
}

/// Runs all unit-test files in one call of the program.
pub fn run(shared: &Path, bellwether: &Path) -> Result<Units, String> {
    let folder = shared.join("conformance");
    let manifest = std::fs::read_to_string(folder.join("unit_manifest.json")).map_err(|e| e.to_string())?;
    let manifest: Vec<Value> = serde_json::from_str(&manifest).map_err(|e| e.to_string())?;
    let files = manifest.iter().filter_map(|f| f["file"].as_str());
    let answer = Command::new(bellwether)
        .args(["test", "--format", "json"])
        .args(files)
        .current_dir(&folder)
        .output()
        .map_err(|e| format!("{}: {e}", bellwether.display()))?;
    let got = verdicts(&String::from_utf8_lossy(&answer.stdout))?;
    let mut units = Units::default();
    for file in &manifest {
        let name = file["file"].as_str().unwrap_or_default();
        for group in file["groups"].as_array().into_iter().flatten() {
            let at = group["i"].as_u64().unwrap_or_default();
            let (passed, said) = got.get(&(name.to_owned(), at)).cloned().unwrap_or((false, "not run".to_owned()));
            let to_pass = group["promtool_3_16"].as_bool().unwrap_or_default();
            units.count(to_pass, passed, format!("{name}#{at}: {said}"));
        }
    }
    Ok(units)
}

impl Units {
    fn count(&mut self, to_pass: bool, passed: bool, said: String) {
        self.to_pass += usize::from(to_pass);
        self.passed += usize::from(to_pass && passed);
        self.to_fail += usize::from(!to_pass);
        self.failed += usize::from(!to_pass && !passed);
        if to_pass != passed {
            self.differ.push(said);
        }
    }
}

type Verdicts = BTreeMap<(String, u64), (bool, String)>;

/// One JSON object a group.
fn verdicts(lines: &str) -> Result<Verdicts, String> {
    let mut all = Verdicts::new();
    for line in lines.lines() {
        let r: Value = serde_json::from_str(line).map_err(|e| format!("{line}: {e}"))?;
        let word = r["result"].as_str().unwrap_or_default();
        let reason = r["problems"][0].as_str().and_then(|p| p.lines().next()).unwrap_or_default();
        let key = (r["file"].as_str().unwrap_or_default().to_owned(), r["test"].as_u64().unwrap_or_default());
        all.insert(key, (word == "passed", format!("{word}: {reason}")));
    }
    Ok(all)
}
