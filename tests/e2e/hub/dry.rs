//! Each verb that changes something through a hub says in advance what it would do.

use super::machine::pair;

/// What the verbs say, in the order of [`VERBS`].
const VERBS: &[(&[&str], i32)] = &[
    (&["endpoint", "rename", "box", "other"], 0),
    (&["endpoint", "update", "box", "--accept-hub"], 0),
    (&["endpoint", "remove", "box"], 3),
    (&["endpoint", "remove", "box", "--cascade"], 0),
    (&["mount", "rename", "far", "near"], 0),
    (&["mount", "reorder", "far", "5"], 0),
    (&["mount", "remove", "far"], 0),
    (&["mount", "remove", "no"], 2),
    (&["fs", "mkdir", "-p", "far:a/b"], 0),
    (&["fs", "put", "far:new", "here"], 0),
    (&["fs", "put", "far:there", "here"], 0),
    (&["fs", "put", "--new", "far:there", "here"], 3),
    (&["fs", "mv", "far:there", "far:moved"], 0),
    (&["fs", "cp", "-f", "far:there", "far:tree/leaf"], 0),
    (&["fs", "rm", "far:tree"], 3),
    (&["fs", "rm", "-r", "far:tree"], 0),
    (&["pty", "spawn", "far", "--name", "new"], 0),
    (&["pty", "spawn", "far", "--name", "sh"], 3),
    (&["pty", "kill", "sh@box"], 0),
    (&["pty", "kill", "coder@box"], 3),
    (
        &[
            "hub",
            "token",
            "create",
            "t",
            "--scope",
            "observe",
            "--expires",
            "never",
        ],
        0,
    ),
    (&["hub", "token", "revoke", "mine"], 0),
    (&["send", "coder@box", "--hub", "local", "-m", "x"], 0),
];

#[test]
fn a_dry_run_of_each_verb_says_what_it_would_do_and_nothing_is_done() {
    let (home, spoke) = pair();
    spoke.world.fleet(&["up"]).exits(0);
    home.open_shell();
    let there = spoke.world.path("home");
    std::fs::write(there.join("there"), "12345").unwrap();
    std::fs::create_dir(there.join("tree")).unwrap();
    std::fs::write(there.join("tree/leaf"), "1").unwrap();
    std::fs::write(home.world.path("work/here"), "new").unwrap();
    let create = ["hub", "token", "create", "mine", "--scope", "observe"];
    home.world.fleet(&create).exits(0);
    let all = || {
        let lists: [&[&str]; 4] = [
            &["endpoint", "list"],
            &["mount", "list"],
            &["pty", "list"],
            &["hub", "token", "list"],
        ];
        let mut seen = lists
            .map(|list| home.world.fleet(list).exits(0).stdout)
            .to_vec();
        let mut files: Vec<_> = std::fs::read_dir(&there).unwrap().collect();
        files.sort_by_key(|entry| entry.as_ref().unwrap().file_name());
        seen.extend(files.into_iter().map(|entry| {
            let entry = entry.unwrap();
            format!(
                "{:?} {}",
                entry.file_name(),
                entry.metadata().unwrap().len()
            )
        }));
        seen
    };
    let before = all();
    let mut said = String::new();
    for (verb, code) in VERBS {
        let ran = home.world.fleet(&[verb, &["--dry-run"][..]].concat());
        let ran = ran.exits(*code);
        said.push_str(&format!(
            "$ {}\n{}{}",
            verb.join(" "),
            ran.stdout,
            ran.stderr
        ));
    }
    let said = said.replace(there.to_str().unwrap(), "THERE");
    insta::assert_snapshot!(said);
    assert_eq!(all(), before);
    let json = home
        .world
        .fleet(&["mount", "remove", "far", "--dry-run", "--json"]);
    let json = json.exits(0).json();
    assert_eq!(json["dry_run"], true);
    assert_eq!(json["effects"][0]["thing"], "mount");
}
