//! `auditlog schema`

use std::process::ExitCode;

use super::print;
use crate::error::Result;
use crate::graphql;

pub fn run() -> Result<ExitCode> {
    print(graphql::sdl().trim_end())?;
    Ok(ExitCode::SUCCESS)
}
