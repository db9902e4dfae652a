//! Limits as settings: every row of the table of limits is a flag, a variable of the environment and a
//! key of the settings file.

use std::collections::BTreeMap;

use clap::parser::ArgMatches;
use clap::{Arg, Args, Command, FromArgMatches, value_parser};

use crate::domain::limits::{Limits, Rule};
use crate::error::{Error, Result};

/// The limits that flags and the environment set.
#[derive(Debug, Clone, Default)]
pub struct GivenLimits(BTreeMap<&'static str, u64>);

impl GivenLimits {
    /// All limits: as given, else as the settings file says, else their defaults.
    pub(super) fn or(&self, file: &BTreeMap<String, toml::Value>) -> Result<Limits> {
        Limits::new(|rule| match (self.0.get(rule.name), file.get(rule.name)) {
            (Some(given), _) => Ok(Some(*given)),
            (None, Some(value)) => whole_number(rule, value).map(Some),
            (None, None) => Ok(None),
        })
    }
}

/// Whether a setting of this name is a limit.
pub(super) fn is_one(name: &str) -> bool {
    Limits::RULES.iter().any(|rule| rule.name == name)
}

fn whole_number(rule: &Rule, value: &toml::Value) -> Result<u64> {
    let number = value.as_integer().and_then(|number| u64::try_from(number).ok());
    number.ok_or_else(|| {
        let Rule { name, least, most, .. } = rule;
        Error::bad_input(format!("{name} must be a whole number from {least} to {most}"))
    })
}

impl Args for GivenLimits {
    fn augment_args(command: Command) -> Command {
        let flags = Limits::RULES.iter().zip(300..).map(|(rule, place)| {
            Arg::new(rule.name)
                .long(rule.name.replace('_', "-"))
                .env(format!("AUDITLOG_{}", rule.name.to_ascii_uppercase()))
                .value_name("NUMBER")
                .value_parser(value_parser!(u64))
                .help(format!("{} [default: {}]", rule.about, rule.default))
                .help_heading("Limits")
                .display_order(place)
        });
        command.args(flags)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for GivenLimits {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = Limits::RULES
            .iter()
            .filter_map(|rule| matches.get_one::<u64>(rule.name).map(|value| (rule.name, *value)));
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
