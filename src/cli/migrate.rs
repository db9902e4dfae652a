//! `auditlog migrate`

use std::process::ExitCode;

use crate::config::Settings;
use crate::error::Result;
use crate::store::Database;

pub async fn run(settings: &Settings) -> Result<ExitCode> {
    let database = Database::connect(&settings.database_url).await?;
    let pending = database.pending_migrations().await?;
    database.migrate().await?;
    match pending {
        0 => eprintln!("the schema was up to date"),
        1 => eprintln!("applied 1 migration"),
        n => eprintln!("applied {n} migrations"),
    }
    Ok(ExitCode::SUCCESS)
}
