//! Writing a roster: whatever happens meanwhile, the file is the old one or the new one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::small_disk::SmallDisk;
use crate::world::{World, text};

/// Writes another roster over one that is there.
const REWRITE: [&str; 5] = ["init", "--preset", "coding", "--write", "--force"];

/// Everything by which the file, its directory or a file beside it can change.
const CALLS: [&str; 10] = [
    "openat", "read", "write", "fchmod", "flock", "fsync", "/^rename", "/^unlink", "close",
    "munmap",
];

/// A world with a roster that is to be written over, and its text.
fn world_with_roster(directory: &str) -> (World, String) {
    let world = World::new();
    let _ = fs::create_dir(world.path(directory));
    let path = world.path(directory).join("roster.yaml");
    let old = "# mine\n".repeat(2000);
    fs::write(path, &old).unwrap();
    (world, old)
}

fn roster(world: &World, directory: &str) -> String {
    fs::read_to_string(world.path(directory).join("roster.yaml")).unwrap()
}

fn rewrite(world: &World, directory: &str, program: &Path, before: &[&str]) -> ExitStatus {
    let mut command = Command::new(program);
    command
        .args(before)
        .args(REWRITE)
        .arg("--roster")
        .arg(world.path(directory).join("roster.yaml"));
    let fleet = world.command("default", &[]);
    command.env_clear();
    for (name, value) in fleet.get_envs() {
        command.env(name, value.unwrap());
    }
    command.output().unwrap().status
}

#[test]
fn a_kill_at_any_point_leaves_the_old_roster_or_the_new_one() {
    let Some(strace) = podfleet_tests::require::strace() else {
        return;
    };
    let (world, old) = world_with_roster("work");
    let program = world.command("default", &[]).get_program().to_owned();
    let new = world.fleet(&["init", "--preset", "coding"]).exits(0).stdout;
    let (mut before, mut after) = (0, 0);
    for call in CALLS {
        for nth in 1.. {
            fs::write(world.path("work/roster.yaml"), &old).unwrap();
            let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
            let log = world.path("strace.log");
            let arguments = ["-o", text(&log), "-e", &inject, program.to_str().unwrap()];
            let status = rewrite(&world, "work", &strace, &arguments);
            let found = roster(&world, "work");
            if status.signal().is_none() {
                assert_eq!((status.code(), found), (Some(0), new.clone()));
                break;
            }
            match found {
                found if found == old => before += 1,
                found if found == new => after += 1,
                found => panic!("killed at {call} {nth}: {} bytes", found.len()),
            }
        }
    }
    assert!(before >= 20, "only {before} kills before the replacing");
    assert!(after >= 2, "only {after} kills after it");
    // What the killed ones left is gone after the one that got through.
    let left = fs::read_dir(world.path("work")).unwrap().flatten();
    let left: Vec<_> = left.map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["roster.yaml"]);
}

#[test]
fn a_full_disk_leaves_the_old_roster() {
    if !podfleet_tests::require::root() {
        return;
    }
    let world = World::new();
    let disk = SmallDisk::mount(world.path("disk"));
    let path = world.path("disk/roster.yaml");
    fs::write(&path, "# mine\n").unwrap();
    let filler = disk.fill();
    let mut arguments = REWRITE.to_vec();
    arguments.extend(["--roster", text(&path)]);
    let refused = world.fleet(&arguments).exits(5);
    assert!(refused.stderr.contains("cannot be written"), "{refused}");
    assert!(refused.stderr.contains("No space left"), "{refused}");
    assert_eq!(roster(&world, "disk"), "# mine\n");
    assert_eq!(fs::read_dir(world.path("disk")).unwrap().count(), 2);
    fs::remove_file(filler).unwrap();
    world.fleet(&arguments).exits(0);
}

#[test]
fn a_disk_or_directory_that_may_not_be_written_leaves_the_old_roster() {
    if !podfleet_tests::require::root() {
        return;
    }
    let world = World::new();
    let disk = SmallDisk::mount(world.path("disk"));
    let path = world.path("disk/roster.yaml");
    fs::write(&path, "# mine\n").unwrap();
    disk.seal();
    let mut arguments = REWRITE.to_vec();
    arguments.extend(["--roster", text(&path)]);
    let refused = world.fleet(&arguments).exits(5);
    assert!(
        refused.stderr.contains("Read-only file system"),
        "{refused}"
    );
    assert_eq!(roster(&world, "disk"), "# mine\n");
}

#[test]
fn somebody_who_may_not_write_the_directory_leaves_the_old_roster() {
    let (true, Some(setpriv)) = (
        podfleet_tests::require::root(),
        podfleet_tests::require::program("setpriv", "apt install util-linux"),
    ) else {
        return;
    };
    let (world, old) = world_with_roster("shared");
    let open = fs::Permissions::from_mode(0o755);
    fs::set_permissions(world.path(""), open).unwrap();
    let everybody = fs::Permissions::from_mode(0o666);
    fs::set_permissions(world.path("shared/roster.yaml"), everybody).unwrap();
    let program = world.command("default", &[]).get_program().to_owned();
    let arguments = ["--reuid=65534", "--clear-groups", program.to_str().unwrap()];
    let status = rewrite(&world, "shared", &setpriv, &arguments);
    assert_eq!(status.code(), Some(5));
    assert_eq!(roster(&world, "shared"), old);
}
