//! The `fleet` command; all of it is in the library, so that tests can build it too.

use std::process::ExitCode;

fn main() -> ExitCode {
    podfleet_cli::main()
}
