//! What the store counts, taken over when it is asked for.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::Unit;

use crate::store::{Measured, ReadFor, Store};

/// The store's part of the metrics.
pub struct Collected(pub Store);

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Collected")
    }
}

impl Collector for Collected {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let (activity, mut to) = (self.0.activity(), Encoder(&mut encoder));
        to.counters(
            "event_rows_read",
            "Rows of events that the database gave or counted one by one, by what for",
            ReadFor::ALL.map(|read| ([("for", read.as_str())], activity.rows_read(read))),
        )?;
        to.counter(
            "events_appended",
            "Events that were given a number and are durable, from whatever they came",
            activity.appended(),
        )?;
        let (requests, events) = activity.queued();
        to.gauge(
            "append_queue_requests",
            "Requests that wait for a commit to take them along",
            requests,
        )?;
        to.gauge("append_queue_events", "Events of the requests that wait for a commit", events)?;
        to.histogram(
            "append_commit_events",
            "Events that were appended by one commit",
            None,
            &activity.commit_sizes(),
        )?;
        to.histogram(
            "append_commit_duration",
            "Time of a transaction that appends, from asking for a connection to its commit",
            Some((Unit::Seconds, 1e6)),
            &activity.commit_times(),
        )?;
        let pools = self.0.pools();
        to.gauges(
            "database_connections",
            "Open connections to the database, by pool and whether they are at work",
            pools.iter().flat_map(|pool| {
                let of = |state| [("pool", pool.name), ("state", state)];
                [(of("used"), number(pool.used)), (of("idle"), number(pool.idle))]
            }),
        )?;
        to.gauges(
            "database_connections_max",
            "Connections that there may be, by pool",
            pools.iter().map(|pool| ([("pool", pool.name)], number(pool.most))),
        )
    }
}

fn number(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

const NO_EXEMPLAR: Option<&Exemplar<NoLabelSet, u64>> = None;

/// Writes metrics whose values are at hand.
struct Encoder<'a, 'e>(&'a mut DescriptorEncoder<'e>);

impl Encoder<'_, '_> {
    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        metric.encode_counter(&value, NO_EXEMPLAR)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        metric.encode_gauge(&value)
    }

    fn counters<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Counter)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_counter(&value, NO_EXEMPLAR)?;
        }
        Ok(())
    }

    fn gauges<L: EncodeLabelSet>(
        &mut self,
        name: &str,
        help: &str,
        values: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut metric = self.0.encode_descriptor(name, help, None, MetricType::Gauge)?;
        for (labels, value) in values {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// Values in a unit, of which so many of the store's are one.
    #[allow(clippy::cast_precision_loss)] // metrics are floating
    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<(Unit, f64)>,
        measured: &Measured,
    ) -> fmt::Result {
        let (unit, scale) = unit.map_or((None, 1.0), |(unit, scale)| (Some(unit), scale));
        let scaled = |value: u64| value as f64 / scale;
        let bounds = measured.up_to.iter().map(|(bound, count)| (scaled(*bound), *count));
        let buckets: Vec<_> = bounds.chain([(f64::INFINITY, measured.above)]).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let mut metric =
            self.0.encode_descriptor(name, help, unit.as_ref(), MetricType::Histogram)?;
        metric.encode_histogram::<NoLabelSet>(scaled(measured.sum), count, &buckets, None)
    }
}
