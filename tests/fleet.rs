//! The `fleet` command, for the tests of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    podfleet_cli::main()
}
