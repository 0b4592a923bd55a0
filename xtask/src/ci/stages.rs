//! What CI checks. To add a stage, add an entry here; CI, `--list` and `--only` know it then.

use std::process::Command;

use anyhow::Result;

use super::outcome::Outcome;
use super::{contract, page, secrets, smoke};
use crate::{drill, process, server::Profile};

pub struct Stage {
    pub name: &'static str,
    pub about: &'static str,
    /// Programs without which the stage cannot run; `tools.rs` looks for them.
    pub needs: &'static [&'static str],
    pub run: fn() -> Result<Outcome>,
}

/// What takes seconds comes first.
pub const STAGES: &[Stage] = &[
    Stage { name: "fmt", about: "the code is formatted", needs: &["cargo"], run: fmt },
    Stage { name: "typos", about: "spelling", needs: &["typos"], run: typos },
    Stage { name: "shell", about: "the shell scripts", needs: &["shellcheck", "git"], run: shell },
    Stage { name: "workflows", about: "the workflows", needs: &["actionlint", "zizmor"], run: workflows },
    Stage { name: "deny", about: "licences and sources of dependencies", needs: &["cargo-deny"], run: deny },
    Stage {
        name: "advisories",
        about: "known faults of dependencies",
        needs: &["cargo-deny", "git"],
        run: advisories,
    },
    Stage {
        name: "clippy",
        about: "the lints of Cargo.toml and clippy.toml hold",
        needs: &["cargo"],
        run: clippy,
    },
    Stage {
        name: "build",
        about: "the server builds as `cargo run` builds it",
        needs: &["cargo", "cc"],
        run: build,
    },
    Stage {
        name: "openapi",
        about: "the OpenAPI document is well-formed",
        needs: &["cargo", "openapi-spec-validator"],
        run: contract::validate,
    },
    Stage {
        name: "smoke",
        about: "a fresh start, and signing in by curl and PyJWT",
        needs: &["cargo", "curl", "venv"],
        run: smoke::run,
    },
    Stage {
        name: "schemathesis",
        about: "the server does what its document says",
        needs: &["cargo", "schemathesis"],
        run: contract::fuzz,
    },
    Stage {
        name: "page",
        about: "the pages that people see, in a real browser",
        needs: &["cargo", "node", "chromium", "playwright-core"],
        run: page::run,
    },
    Stage {
        name: "test",
        about: "all tests, on SQLite and PostgreSQL, and none of their secrets in the log",
        needs: &["cargo", "postgresql"],
        run: test,
    },
    Stage { name: "doc", about: "the documentation builds without a warning", needs: &["cargo"], run: doc },
    Stage { name: "drills", about: "every drill in its short form", needs: &["cargo", "git"], run: drills },
];

fn pass(command: &mut Command) -> Result<Outcome> {
    process::run(command).map(|()| Outcome::Passed)
}

fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = process::command("cargo");
    cargo.args(arguments);
    cargo
}

fn fmt() -> Result<Outcome> {
    pass(&mut cargo(&["fmt", "--all", "--check"]))
}

fn clippy() -> Result<Outcome> {
    pass(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

fn build() -> Result<Outcome> {
    // Alone: with the tests beside it, a feature that only a test's dependency turns on would help it.
    pass(&mut cargo(&["build", "--package", "stead", "--locked"]))
}

fn test() -> Result<Outcome> {
    let log = secrets::fresh_log()?;
    // `CI` turns a test that would be skipped for want of a database into a failure.
    let mut test = cargo(&["test", "--workspace", "--locked"]);
    pass(test.env("CI", "true").env("STEAD_TEST_LOG", &log))?;
    secrets::claim_none(&log)
}

fn doc() -> Result<Outcome> {
    pass(cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))
}

fn deny() -> Result<Outcome> {
    pass(&mut cargo(&["deny", "--locked", "--log-level", "error", "check", "bans", "licenses", "sources"]))
}

fn advisories() -> Result<Outcome> {
    const DATABASE: &str = "https://github.com/RustSec/advisory-db";
    let copy = process::root().join(".ci/advisory-db");
    let mirror = copy.join(".git").is_dir();
    let from_copy = |command: &mut Command| {
        if mirror {
            command.env("GIT_CONFIG_COUNT", "1").env("GIT_CONFIG_VALUE_0", DATABASE);
            command.env("GIT_CONFIG_KEY_0", format!("url.file://{}.insteadOf", copy.display()));
        }
    };
    let mut fetch = cargo(&["deny", "fetch", "db"]);
    from_copy(&mut fetch);
    if let Err(error) = process::output(&mut fetch) {
        if mirror {
            return Err(error);
        }
        return Ok(Outcome::Skipped("the advisory database cannot be reached from here".to_owned()));
    }
    let mut check = cargo(&["deny", "--locked", "--log-level", "error", "check", "advisories"]);
    from_copy(&mut check);
    pass(&mut check)
}

fn typos() -> Result<Outcome> {
    pass(process::command("typos").arg("--format=brief"))
}

fn shell() -> Result<Outcome> {
    // Scripts have no ending; they are what git knows to be text and begins like a shell script.
    let listed =
        process::output(process::command("git").args(["grep", "-lIE", "--untracked", r"^#!.*\b(sh|bash)$"]))?;
    let scripts = listed.lines().filter(|path| !path.ends_with(".rs") && !path.ends_with(".md"));
    pass(process::command("shellcheck").args(scripts))
}

fn workflows() -> Result<Outcome> {
    process::run(&mut process::command("actionlint"))?;
    pass(process::command("zizmor").args(["--offline", "--quiet", ".github"]))
}

fn drills() -> Result<Outcome> {
    drill::run_all_short(Profile::Dev).map(|()| Outcome::Passed)
}
