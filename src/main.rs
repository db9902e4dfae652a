//! Parses the command line, runs the command, sets the exit status.

#![forbid(unsafe_code)]

fn main() -> std::process::ExitCode {
    auditlog::cli::run()
}
