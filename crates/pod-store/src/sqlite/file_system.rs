//! Which file systems the database can live on.

use std::path::Path;

use crate::error::Fault;
#[cfg(target_os = "linux")]
use crate::error::StoreErrorKind;

/// File systems without reliable locks or shared memory between their users, by their magic number
/// (statfs(2), `linux/magic.h`).
const NETWORK: [(u64, &str); 11] = [
    (0x6969, "nfs"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x517b, "smb"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
    (0x5346_414f, "afs"),
    (0x6b41_4653, "kafs"),
    (0x7375_7245, "coda"),
    (0x0bd0_0bd0, "lustre"),
    (0x4750_4653, "gpfs"),
];
const FUSE: u64 = 0x6573_5546;

/// FUSE file systems that keep their files elsewhere; others, such as `fuseblk`, are local disks.
const REMOTE_FUSE: [&str; 7] = [
    "fuse.sshfs",
    "fuse.rclone",
    "fuse.s3fs",
    "fuse.gcsfuse",
    "fuse.glusterfs",
    "fuse.davfs",
    "fuse.curlftpfs",
];

/// Returns whether the file system of a path takes no writes at all.
#[cfg(target_os = "linux")]
pub(super) fn is_read_only(path: &Path) -> bool {
    use rustix::fs::StatVfsMountFlags;
    rustix::fs::statvfs(path).is_ok_and(|found| found.f_flag.contains(StatVfsMountFlags::RDONLY))
}

/// Elsewhere it is not known.
#[cfg(not(target_os = "linux"))]
pub(super) fn is_read_only(_path: &Path) -> bool {
    false
}

/// Refuses a directory on a network file system.
#[cfg(target_os = "linux")]
pub(super) fn refuse_network(directory: &Path) -> Result<(), Fault> {
    let found = rustix::fs::statfs(directory)
        .map_err(|error| Fault::io(directory, "check file system", error.into()))?;
    // The field's type and sign differ between architectures; the magic number has 32 bits.
    let magic = u64::try_from(i128::from(found.f_type) & 0xffff_ffff).unwrap_or_default();
    let mounts = || std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let canonical = directory
        .canonicalize()
        .map_err(|error| Fault::io(directory, "check file system", error))?;
    match network_name(magic, || mount_type(&mounts(), &canonical)) {
        Some(name) => Err(Fault::from(StoreErrorKind::NetworkFileSystem(name)).at(directory)),
        None => Ok(()),
    }
}

/// Other systems are not looked at.
#[cfg(not(target_os = "linux"))]
pub(super) fn refuse_network(_: &Path) -> Result<(), Fault> {
    Ok(())
}

fn network_name(magic: u64, mount_type: impl FnOnce() -> Option<String>) -> Option<String> {
    if magic == FUSE {
        return mount_type().filter(|name| REMOTE_FUSE.contains(&name.as_str()));
    }
    let known = NETWORK.iter().find(|(number, _)| *number == magic)?;
    Some(known.1.to_owned())
}

/// Finds the type of the mount that holds `path` in the text of `/proc/self/mountinfo`.
fn mount_type(mountinfo: &str, path: &Path) -> Option<String> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let point = left.split(' ').nth(4)?.replace("\\040", " ");
            let kind = right.split(' ').next()?.to_owned();
            path.starts_with(&point).then_some((point.len(), kind))
        })
        // Of two mounts on one point the later one is seen.
        .max_by_key(|(length, _)| *length)
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:45 / /home/me/far\\040away rw shared:3 - fuse.sshfs me@far:/ rw
41 22 0:46 / /media/stick rw - fuseblk /dev/sdb1 rw";

    #[test]
    fn network_file_systems_are_known_by_their_magic_number() {
        let nothing = || -> Option<String> { None };
        assert_eq!(network_name(0x6969, nothing), Some("nfs".to_owned()));
        assert_eq!(network_name(0xef53, nothing), None, "ext4");
        assert_eq!(network_name(0x9123_683e, nothing), None, "btrfs");
    }

    #[test]
    fn fuse_is_refused_only_where_its_files_are_elsewhere() {
        let on = |path: &str| network_name(FUSE, || mount_type(MOUNTS, Path::new(path)));
        assert_eq!(on("/home/me/far away/state"), Some("fuse.sshfs".to_owned()));
        assert_eq!(on("/media/stick/state"), None);
        assert_eq!(on("/var/lib"), None);
    }
}
