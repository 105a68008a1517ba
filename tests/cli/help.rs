//! Help that teaches, answers to typos, versions and completions.

use crate::run::Place;

const COMMANDS: [&str; 6] = ["backtest", "check", "test", "import", "generate", "completions"];

#[test]
fn every_help_has_examples() {
    let place = Place::new();
    for command in COMMANDS {
        let help = place.run(&[command, "--help"]);
        help.succeeds();
        assert!(help.out.contains("Examples:") && help.out.contains(&format!("bellwether {command}")), "{}", help.out);
    }
    let all = place.run(&["--help"]);
    assert!(COMMANDS.iter().all(|c| all.out.contains(c)), "{}", all.out);
    assert!(all.out.contains("Exit codes:") && all.out.contains("130"), "{}", all.out);
}

#[test]
fn a_bare_call_shows_help_and_is_a_usage_error() {
    Place::new().run(&[]).refuses(2, &["Usage:", "backtest"]);
}

#[test]
fn typos_are_answered_with_what_was_meant() {
    let place = Place::new();
    place.run(&["backtets"]).refuses(2, &["backtest"]);
    place.run(&["backtest", "--rulse", "x"]).refuses(2, &["--rules"]);
    place.run(&["backtest", "--rules", "x", "--data", "y", "--grid", "promethus"]).refuses(2, &["prometheus"]);
}

#[test]
fn values_that_make_no_sense_are_explained() {
    let place = Place::new();
    let with = |flag: &str, value: &str| place.run(&["backtest", "--rules", "x", "--data", "y", flag, value]);
    with("--workers", "0").refuses(2, &["--workers", "leave the flag out"]);
    with("--workers", "65").refuses(2, &["64"]);
    with("--workers", "two").refuses(2, &["whole number"]);
    with("--from", "yesterday").refuses(2, &["--from", "2023-11-14T22:15:00Z"]);
    with("--step", "0s").refuses(2, &["longer than 0"]);
    with("--step", "1 minute").refuses(2, &["1h30m"]);
    place.run(&["generate", "--out", "x", "--hours", "0"]).refuses(2, &["--hours"]);
    place.run(&["generate", "--out", "x", "--hours", "0.001"]).refuses(2, &["no sample"]);
    place.run(&["generate", "--out", "x", "--incident-rate", "nan"]).refuses(2, &["--incident-rate"]);
}

#[test]
fn the_version_names_the_commit() {
    let version = Place::new().run(&["--version"]);
    let text = version.succeeds().out.trim();
    assert!(text.starts_with(concat!("bellwether ", env!("CARGO_PKG_VERSION"), " (commit ")), "{text}");
}

#[test]
fn completions_know_the_flags() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&["completions", shell]);
        assert!(script.succeeds().out.contains("warm-up"), "{shell}");
    }
}
