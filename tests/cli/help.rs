//! What the program says of itself, and of wrong use.

use crate::program::Folder;

/// The commands that a help text lists.
fn commands(help: &str) -> Vec<String> {
    let list = help.split_once("\nCommands:\n").map_or("", |(_, list)| list);
    let names = list.lines().map_while(|line| line.strip_prefix("  "));
    let names = names.filter(|line| !line.starts_with(' ')).filter_map(|line| line.split(' ').next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

/// Every command and every command below it, by its words.
fn all(folder: &Folder, above: &str) -> Vec<(String, String)> {
    let help = folder.run(&format!("{above} --help")).expect(0).stdout;
    let below: Vec<_> = commands(&help).iter().map(|name| format!("{above} {name}")).collect();
    let rest = below.iter().flat_map(|command| all(folder, command));
    rest.chain([(above.trim().to_owned(), help.clone())]).collect()
}

#[test]
fn every_command_has_help_with_an_example_of_itself() {
    let folder = Folder::new();
    let all = all(&folder, "");
    let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
    for known in ["", "serve", "migrate up", "user set-password", "config check", "openapi", "healthcheck"] {
        assert!(names.contains(&known), "{known} in {names:?}");
    }
    for (name, help) in &all {
        let example = help.split_once("Example: ").map_or("", |(_, example)| example);
        assert!(example.contains(&format!("stead {name}")), "`stead {name} --help`:\n{help}");
    }
    assert!(folder.is_empty(), "asking for help leaves nothing behind");
}

/// The arguments and options of which a help text says nothing but their names.
fn unexplained(help: &str) -> Vec<String> {
    let lists =
        help.split("\n\n").filter(|part| part.starts_with("Arguments:") || part.starts_with("Options:"));
    let lines: Vec<_> = lists.flat_map(str::lines).collect();
    let is_name = |line: &str| line.trim_start().starts_with(['-', '<', '[']);
    let names = lines.iter().enumerate().filter(|(_, line)| is_name(line));
    // The text is beside the name, or below it and further in.
    let is_bare = |at: usize, line: &str| {
        let beside = line.trim().split_once("  ").is_some();
        let below = lines.get(at + 1).is_some_and(|next| next.starts_with("          ") && !is_name(next));
        !beside && !below
    };
    names.filter(|(at, line)| is_bare(*at, line)).map(|(_, line)| line.trim().to_owned()).collect()
}

#[test]
fn every_argument_and_option_says_what_it_is() {
    for (name, help) in all(&Folder::new(), "") {
        assert_eq!(unexplained(&help), Vec::<String>::new(), "`stead {name} --help`:\n{help}");
    }
    let help = "\n\nArguments:\n  <EMAIL>  \n\nOptions:\n      --json\n  -h, --help  Print help\n      --all\n          All\n";
    assert_eq!(unexplained(help), ["<EMAIL>", "--json"]);
}

#[test]
fn wrong_use_is_told_on_stderr_with_exit_code_2() {
    let folder = Folder::new();
    for (arguments, word) in [
        ("sreve", "serve"),
        ("--prot 80", "--prot"),
        ("serve --port eighty", "eighty"),
        ("user", "Usage"),
        ("user create", "EMAIL"),
        ("user create not-an-address --password-stdin", "not-an-address"),
        ("user set-password ada@example.com", "--password-stdin"),
        ("config show --env production", "production"),
        ("migrate sideways", "sideways"),
    ] {
        let outcome = folder.run(arguments).expect(2);
        assert!(outcome.stderr.contains(word), "{arguments}: {}", outcome.stderr);
        assert_eq!(outcome.stdout, "", "{arguments}");
    }
    assert!(folder.is_empty());
}

#[test]
fn the_version_is_told() {
    let version = Folder::new().run("--version").expect(0).stdout;
    assert_eq!(version.trim(), concat!("stead ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn the_document_is_printed_without_a_database_and_without_leaving_anything() {
    let folder = Folder::new();
    let document = folder.run("openapi").expect(0).json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/v1/auth/login"]["post"].is_object());
    assert!(folder.is_empty());
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let folder = Folder::new();
    let mut child = folder
        .command("openapi")
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
