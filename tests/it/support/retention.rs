//! Plans given, logs purged, and what the database holds afterwards.

use auditlog::admin::{self, NewSubscription};
use auditlog::retention::{self, Purge, Purged};
use auditlog::store::Store;
use serde_json::{Value, json};

use super::client::Client;
use super::direct;
use super::world::World;

impl World {
    /// Gives a tenant a plan from now on.
    pub async fn assign(&self, tenant: &str, plan: &str) {
        self.assign_for(tenant, plan, None, None).await;
    }

    pub async fn assign_for(
        &self,
        tenant: &str,
        plan: &str,
        since: Option<&str>,
        until: Option<&str>,
    ) {
        let new = NewSubscription {
            tenant_id: tenant.to_owned(),
            plan: plan.to_owned(),
            since: since.map(str::to_owned),
            until: until.map(str::to_owned),
        };
        admin::assign_plan(&self.store, new).await.unwrap().unwrap();
    }

    /// What the database holds of a table, as text, in order.
    pub async fn held(&self, select: &str) -> Vec<String> {
        let db = direct::connect(&self.database.url).await;
        direct::texts(&db, select).await
    }

    /// The ids that recorders gave to the events that are left, of every tenant.
    pub async fn left(&self) -> Vec<String> {
        self.held("SELECT external_id FROM audit_events WHERE external_id IS NOT NULL ORDER BY 1")
            .await
    }
}

/// Purges in batches of this many events.
pub async fn purge(store: &Store, batch: u64) -> Vec<Purged> {
    let purge = Purge { batch, ..Purge::default() };
    retention::purge(store, &purge).await.unwrap().expect("nobody else purges")
}

/// Places a legal hold; its id.
pub async fn hold(owner: &Client, target: &str) -> String {
    let mutation = format!(
        "mutation {{ placeLegalHold(input: {{{target}, reason: \"Doe v. Acme\"}}) {{
            legal_hold {{ id }} messages {{ field message }}
        }} }}"
    );
    let placed = owner.query(&mutation).await["placeLegalHold"].take();
    assert_eq!(placed["messages"], json!([]), "{target}");
    placed["legal_hold"]["id"].as_str().unwrap().to_owned()
}

pub async fn release(owner: &Client, id: &str) {
    let mutation = "mutation($id: ID!) { releaseLegalHold(input: {id: $id}) {
        legal_hold { released_at } messages { field message } } }";
    let released = owner.data(mutation, json!({"id": id})).await["releaseLegalHold"].take();
    assert_eq!(released["messages"], json!([]));
    assert_ne!(released["legal_hold"]["released_at"], Value::Null);
}

/// What the log says of what was purged: the metadata of each event, but for the run's id.
pub async fn said(viewer: &Client) -> Vec<Value> {
    let query =
        "{ auditLog(resource_name: AUDIT_LOG, event_type: DESTROY, order_by: SEQUENCE_ASC) {
        nodes { metadata acting_user { id } organization { id } resource_id }
    } }";
    let mut log = viewer.query(query).await["auditLog"]["nodes"].take();
    let nodes = log.as_array_mut().unwrap();
    let said = nodes.iter_mut().map(|node| {
        assert_eq!(node["acting_user"], Value::Null);
        assert_eq!(node["organization"]["id"], node["resource_id"]);
        let mut metadata = node["metadata"].take();
        metadata.as_object_mut().unwrap().shift_remove("purge_run").expect("the run's id");
        metadata
    });
    said.collect()
}
