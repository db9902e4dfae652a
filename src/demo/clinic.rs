//! The clinics the events happen in: where they are, and how busy.

use chrono::{FixedOffset, Offset, Utc};

#[derive(Clone, Copy, Debug)]
pub(super) struct Clinic {
    pub(super) organization_id: &'static str,
    pub(super) street: &'static str,
    pub(super) city: &'static str,
    pub(super) state: &'static str,
    /// The digits the city's postal codes begin with.
    pub(super) zip_prefix: &'static str,
    pub(super) area_code: &'static str,
    /// In summer: the demo does not change its clocks, so that any `now` will do.
    utc_offset_hours: i32,
    /// The address the clinic's computers reach the internet from.
    pub(super) ip_address: &'static str,
    /// Appointments in a hundred weekdays.
    pub(super) load: u64,
}

impl Clinic {
    pub(super) fn offset(&self) -> FixedOffset {
        FixedOffset::east_opt(self.utc_offset_hours * 3600).unwrap_or(Utc.fix())
    }
}

/// By region, from west to east.
/// IP addresses are of the ranges reserved for documentation (RFC 5737).
pub(super) const CLINICS: [Clinic; 8] = [
    Clinic {
        organization_id: "clinic-portland",
        street: "1120 NW Alder Street",
        city: "Portland",
        state: "OR",
        zip_prefix: "972",
        area_code: "503",
        utc_offset_hours: -7,
        ip_address: "192.0.2.18",
        load: 120,
    },
    Clinic {
        organization_id: "clinic-bend",
        street: "45 Juniper Avenue",
        city: "Bend",
        state: "OR",
        zip_prefix: "977",
        area_code: "541",
        utc_offset_hours: -7,
        ip_address: "192.0.2.74",
        load: 40,
    },
    Clinic {
        organization_id: "clinic-seattle",
        street: "808 Harbor Way",
        city: "Seattle",
        state: "WA",
        zip_prefix: "981",
        area_code: "206",
        utc_offset_hours: -7,
        ip_address: "192.0.2.131",
        load: 75,
    },
    Clinic {
        organization_id: "clinic-sacramento",
        street: "2300 Magnolia Boulevard",
        city: "Sacramento",
        state: "CA",
        zip_prefix: "958",
        area_code: "916",
        utc_offset_hours: -7,
        ip_address: "192.0.2.200",
        load: 55,
    },
    Clinic {
        organization_id: "clinic-chicago",
        street: "617 West Linden Street",
        city: "Chicago",
        state: "IL",
        zip_prefix: "606",
        area_code: "312",
        utc_offset_hours: -5,
        ip_address: "198.51.100.23",
        load: 95,
    },
    Clinic {
        organization_id: "clinic-austin",
        street: "390 Pecan Lane",
        city: "Austin",
        state: "TX",
        zip_prefix: "787",
        area_code: "512",
        utc_offset_hours: -5,
        ip_address: "198.51.100.147",
        load: 60,
    },
    Clinic {
        organization_id: "clinic-boston",
        street: "52 Wharf Street",
        city: "Boston",
        state: "MA",
        zip_prefix: "021",
        area_code: "617",
        utc_offset_hours: -4,
        ip_address: "203.0.113.45",
        load: 70,
    },
    Clinic {
        organization_id: "clinic-raleigh",
        street: "1401 Dogwood Road",
        city: "Raleigh",
        state: "NC",
        zip_prefix: "276",
        area_code: "919",
        utc_offset_hours: -4,
        ip_address: "203.0.113.162",
        load: 45,
    },
];
