use std::fs;

use super::*;

/// Names relative to `directory`, sorted as they came.
fn names(directory: &Path, pattern: &str) -> Vec<String> {
    let word = directory.join(pattern);
    let relative = |input: Result<Input, Error>| match input {
        Ok(Input::File(path)) => {
            let path = path.strip_prefix(directory).unwrap();
            path.to_string_lossy().replace('\\', "/")
        }
        other => panic!("{other:?}"),
    };
    named(&[word]).into_iter().map(relative).collect()
}

fn errors(words: &[&Path]) -> Vec<String> {
    let words: Vec<PathBuf> = words.iter().map(|word| word.to_path_buf()).collect();
    let error = |input: Result<Input, Error>| input.and_then(|input| input.read()).err();
    let errors = named(&words).into_iter().filter_map(error);
    errors.map(|error| error.in_one_line()).collect()
}

#[test]
fn a_pattern_matches_files_at_any_depth_in_order() {
    let directory = tempfile::tempdir().unwrap();
    for file in [
        "b.yaml",
        "a.yaml",
        "x/c.yaml",
        "x/y/d.yaml",
        "x/e.json",
        ".git/f.yaml",
    ] {
        let file = directory.path().join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "").unwrap();
    }
    fs::create_dir(directory.path().join("dir.yaml")).unwrap();
    let at = directory.path();
    assert_eq!(names(at, "*.yaml"), ["a.yaml", "b.yaml"]);
    assert_eq!(
        names(at, "**/*.yaml"),
        ["a.yaml", "b.yaml", "x/c.yaml", "x/y/d.yaml"]
    );
    assert_eq!(names(at, "x/?.json"), ["x/e.json"]);
    assert_eq!(names(at, "[ab].yaml"), ["a.yaml", "b.yaml"]);
}

#[test]
fn what_is_named_twice_comes_once() {
    let directory = tempfile::tempdir().unwrap();
    for file in ["b.yaml", "a.yaml"] {
        fs::write(directory.path().join(file), "").unwrap();
    }
    let (file, pattern) = (
        directory.path().join("b.yaml"),
        directory.path().join("*.yaml"),
    );
    let words = ["-".into(), file.clone(), pattern, "-".into()];
    let inputs: Vec<Input> = named(&words).into_iter().filter_map(Result::ok).collect();
    let first = Input::File(directory.path().join("a.yaml"));
    assert_eq!(inputs, [Input::Stdin, Input::File(file), first]);
    let inputs = named(&["a.yaml".into(), "./a.yaml".into(), "x/../a.yaml".into()]);
    assert_eq!(inputs.len(), 2, "a link may stand before `..`");
}

#[test]
fn a_file_whose_name_looks_like_a_pattern_is_that_file() {
    let directory = tempfile::tempdir().unwrap();
    for file in ["[a].yaml", "a.yaml"] {
        fs::write(directory.path().join(file), "").unwrap();
    }
    assert_eq!(names(directory.path(), "[a].yaml"), ["[a].yaml"]);
}

#[test]
fn a_pattern_that_matches_nothing_or_means_nothing_is_an_error() {
    let errors = errors(&[Path::new("none/*.yaml"), Path::new("a***")]);
    assert_eq!(errors[0], "no file matches `none/*.yaml`");
    assert!(
        errors[1].starts_with("the pattern `a***` is wrong: "),
        "{errors:?}"
    );
}

#[test]
fn what_is_no_file_is_refused_by_its_kind() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let missing = at("missing.yaml");
    let messages = errors(&[directory.path(), &missing]);
    let shown = directory.path().display();
    assert_eq!(
        messages,
        [
            format!("{shown} is a directory"),
            format!("there is no file {}", missing.display())
        ]
    );
}

#[cfg(unix)]
#[test]
fn pipes_devices_and_dangling_links_are_refused_without_waiting() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let (pipe, link) = (at("pipe"), at("link"));
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    let socket = at("socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    assert_eq!(
        errors(&[&pipe, Path::new("/dev/null"), &link, &socket]),
        [
            format!("{} is a named pipe, not a file", pipe.display()),
            "/dev/null is a device, not a file".to_owned(),
            format!(
                "{} is a link to nowhere, which is not there",
                link.display()
            ),
            format!("{} is a socket, not a file", socket.display()),
        ]
    );
}

#[test]
fn of_a_huge_file_no_more_is_read_than_shows_that_it_is_too_large() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("huge");
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert_eq!(read_file(&path).unwrap().len(), MAX_BYTES + 1);
}
