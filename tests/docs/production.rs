//! The page about production, word for word as far as it goes without PostgreSQL and a mail server.

use std::os::unix::fs::symlink;

use crate::markdown::{Code, Page};
use crate::program;

const PAGE: &str = "docs/production.md";

fn scripts(heading: &str) -> String {
    let blocks = Page::read(PAGE).blocks();
    let blocks: Vec<Code> = blocks.into_iter().filter(|block| block.heading == heading).collect();
    assert!(!blocks.is_empty(), "{PAGE} has nothing to run under {heading:?}");
    blocks.iter().map(|block| format!("{}\n", block.text)).collect()
}

#[test]
fn the_steps_lead_to_an_admin() {
    let folder = tempfile::tempdir().unwrap();
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    symlink(env!("CARGO_BIN_EXE_stead"), bin.join("stead")).unwrap();
    let var = folder.path().join("var");
    std::fs::create_dir(&var).unwrap();
    let steps = scripts("Configure") + &scripts("First start");
    // What only root may do is left out. The folders and the database are those of this run; all else is as it
    // stands there.
    let is_everybodys = |line: &&str| !["chown", "runuser"].iter().any(|word| line.starts_with(word));
    let script = steps.lines().filter(is_everybodys).collect::<Vec<_>>().join("\n");
    let script = script
        .replace("/etc/stead", &folder.path().join("etc").display().to_string())
        .replace("/var/lib/stead", &var.display().to_string())
        .replace(
            "postgres://USER:PASSWORD@db.example.com/stead",
            "sqlite://stead.db\nAPP_DATABASE__ALLOW_SQLITE=true",
        );
    assert!(script.contains("ALLOW_SQLITE"), "{script}");
    let script = format!("PATH=\"{}:$PATH\"\n{script}", bin.display());
    let output = program::command("sh", folder.path()).args(["-e", "-c", &script]).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "the steps need openssl: {said}{errors}");
    assert!(said.contains("the configuration is sound"), "{said}");
    assert!(said.contains("created ada@example.com") && said.contains("https://api.example.com/"), "{said}");
    assert!(var.join("stead.db").is_file());
    let secret = std::fs::metadata(folder.path().join("etc/secret_key")).unwrap();
    assert_eq!(
        std::os::unix::fs::PermissionsExt::mode(&secret.permissions()) & 0o077,
        0,
        "for its owner only"
    );
}
