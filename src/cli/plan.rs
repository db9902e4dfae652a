//! `auditlog plan`

use std::process::ExitCode;

use clap::Subcommand;

use super::{made, open_store, print, print_json};
use crate::admin::{self, NewPlan, NewSubscription};
use crate::config::Settings;
use crate::domain::id::Id;
use crate::domain::json::Json;
use crate::domain::period::Period;
use crate::domain::plan::Plan as Defined;
use crate::domain::time;
use crate::error::Result;

#[derive(Subcommand)]
pub enum Plan {
    /// List the plans: what each shows and keeps, and how many tenants have it
    List {
        /// Print them as a JSON list
        #[arg(long)]
        json: bool,
    },
    /// Define a plan, or define it anew for every tenant that has it. What is left out is no limit.
    /// Periods are ISO 8601: P7D, P4M, P10Y
    Define {
        /// The plan's name
        name: String,
        /// What it is, in words
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
        /// How far back the log is shown
        #[arg(long, value_name = "PERIOD")]
        visible: Option<String>,
        /// How long events are kept; older ones are purged for good
        #[arg(long, value_name = "PERIOD")]
        kept: Option<String>,
        /// How long before its beginning a subscription shows and keeps everything; nothing older
        #[arg(long, value_name = "PERIOD")]
        subscription_lead: Option<String>,
        /// The plan that follows when a subscription ends
        #[arg(long, value_name = "PLAN")]
        lapses_to: Option<String>,
        /// Print the plan as JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove a plan that no tenant has and no plan lapses to
    Remove {
        /// The plan's name
        name: String,
    },
    /// Give a tenant a plan. What the plan does not keep is purged for good
    Assign {
        /// The tenant's root organization
        #[arg(value_name = "TENANT")]
        id: String,
        /// The plan's name
        plan: String,
        /// When it began [default: now, or as it was when the tenant has this plan already]
        #[arg(long, value_name = "TIME")]
        since: Option<String>,
        /// When it ends and the plan that it lapses to follows
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// Print what was assigned as JSON
        #[arg(long)]
        json: bool,
    },
}

impl Plan {
    pub async fn run(self, settings: &Settings) -> Result<ExitCode> {
        let store = open_store(settings).await?;
        match self {
            Self::List { json } => {
                let tenants = store.tenants_by_plan().await?;
                let mut list = Vec::new();
                for plan in store.plans().await? {
                    let count = tenants.iter().filter(|(_, name)| *name == plan.name).count();
                    if json {
                        let mut members = members(&plan);
                        members.push(("tenants".to_owned(), Json::Number(count.to_string())));
                        list.push(Json::Object(members));
                    } else {
                        print(format_args!("{}", line(&plan, count)))?;
                    }
                }
                if json {
                    print(Json::Array(list))?;
                }
            }
            Self::Define {
                name,
                description,
                visible,
                kept,
                subscription_lead,
                lapses_to,
                json,
            } => {
                let new =
                    NewPlan { name, description, visible, kept, subscription_lead, lapses_to };
                let plan = made(admin::define_plan(&store, new).await?)?;
                if json {
                    print(Json::Object(members(&plan)))?;
                }
                eprintln!("defined plan {}", plan.name);
            }
            Self::Remove { name } => {
                made(admin::remove_plan(&store, name.clone()).await?)?;
                eprintln!("removed plan {name}");
            }
            Self::Assign { id, plan, since, until, json } => {
                let new = NewSubscription { tenant_id: id.clone(), plan, since, until };
                let assigned = made(admin::assign_plan(&store, new).await?)?;
                let (since, until) =
                    (time::format(assigned.since), assigned.until.map(time::format));
                if json {
                    print_json([
                        ("tenant_id", Some(&id)),
                        ("plan", Some(assigned.plan.as_str())),
                        ("since", Some(&since)),
                        ("until", until.as_deref()),
                    ])?;
                }
                let until = until.map_or_else(String::new, |until| format!(" until {until}"));
                eprintln!("{id} has plan {} since {since}{until}", assigned.plan);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A plan in one line, for people.
fn line(plan: &Defined, tenants: usize) -> String {
    let Defined { name, description, terms, lapses_to } = plan;
    let mut parts = Vec::new();
    let mut say = |period: Option<Period>, what: &str| {
        parts.extend(period.map(|period| format!("{what} {period}")));
    };
    say(terms.visible, "shows");
    say(terms.kept, "keeps");
    say(terms.lead, "from before its beginning:");
    parts.extend(lapses_to.as_ref().map(|other| format!("lapses to {other}")));
    if parts.is_empty() {
        parts.push("no limits".to_owned());
    }
    let description = description.as_ref().map_or_else(String::new, |text| format!(" ({text})"));
    format!("{name}: {}; tenants: {tenants}{description}", parts.join(", "))
}

fn members(plan: &Defined) -> Vec<(String, Json)> {
    let Defined { name, description, terms, lapses_to } = plan;
    let text = |text: Option<String>| text.map_or(Json::Null, Json::String);
    let period = |period: Option<Period>| text(period.map(|period| period.to_string()));
    let members = [
        ("name", Json::String(name.to_string())),
        ("description", text(description.clone())),
        ("visible_period", period(terms.visible)),
        ("kept_period", period(terms.kept)),
        ("subscription_lead", period(terms.lead)),
        ("lapses_to", text(lapses_to.as_ref().map(Id::to_string))),
    ];
    members.map(|(key, value)| (key.to_owned(), value)).into()
}
