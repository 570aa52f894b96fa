//! Whatever a client writes as a path, what is accepted neither climbs nor is absolute, says the same
//! in a URL, and stays below its mount when the names are joined.

#![no_main]

use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;
use podfleet_hub::address::{Address, SshDestination};
use podfleet_hub::path::MountPath;

fuzz_target!(|text: &str| {
    let root = Path::new("/srv/mount");
    let read = [
        MountPath::plain(text),
        MountPath::encoded(text),
        MountPath::parse(text, root),
    ];
    for path in read.into_iter().flatten() {
        let below = |part: Component<'_>| matches!(part, Component::Normal(_));
        assert!(Path::new(path.as_str()).components().all(below), "{path}");
        assert!(!path.as_str().contains(['\0', '\\']), "{path}");
        assert_eq!(MountPath::encoded(&path.to_url()).expect("it was accepted"), path);
        assert_eq!(MountPath::plain(path.as_str()).expect("it was accepted"), path);
    }
    if let Ok(address) = text.parse::<Address>() {
        assert_eq!(address.to_string().parse::<Address>(), Ok(address));
    }
    if let Ok(destination) = text.parse::<SshDestination>() {
        assert!(!destination.as_str().starts_with('-'));
    }
});
