//! Times that cannot be: an incident that began in the future, or ended before it began. A figure made of them would be a lie.

use jiff::Timestamp;
use records::Event;

use super::Incidents;
use super::act::IncidentRefused;

/// Refuses an event whose times cannot be, at `now`.
pub fn plausible(event: &Event, incidents: &Incidents, now: Timestamp) -> Result<(), IncidentRefused> {
    let ahead = |field: &str, at: Option<Timestamp>| match at {
        Some(at) if at > now => Err(IncidentRefused::Time { what: format!("{field} is {at}, which is still to come") }),
        _ => Ok(()),
    };
    match event {
        Event::IncidentDeclared(e) => {
            ahead("occurred", e.occurred)?;
            ahead("detected", e.detected)?;
            in_order(("occurred", e.occurred), ("detected", e.detected))
        }
        Event::IncidentResolved(e) => {
            ahead("restored", e.restored)?;
            let Some(incident) = incidents.get(&e.incident) else { return Ok(()) };
            let begun = match (incident.occurred, incident.detected) {
                (Some(at), _) => ("occurred", at),
                (None, Some(at)) => ("detected", at),
                (None, None) => ("its declaration", incident.reported),
            };
            in_order((begun.0, Some(begun.1)), ("restored", e.restored))
        }
        Event::IncidentChanged(e) => {
            let given = |field: &str| e.new.get(field).and_then(|text| text.parse::<Timestamp>().ok());
            for field in ["occurred", "detected", "restored"] {
                ahead(field, given(field))?;
            }
            let Some(incident) = incidents.get(&e.incident) else { return Ok(()) };
            let (occurred, detected) = (given("occurred").or(incident.occurred), given("detected").or(incident.detected));
            let restored = given("restored").or(incident.restored);
            in_order(("occurred", occurred), ("detected", detected))?;
            in_order(("occurred", occurred.or(detected)), ("restored", restored))
        }
        _ => Ok(()),
    }
}

fn in_order((first, a): (&str, Option<Timestamp>), (then, b): (&str, Option<Timestamp>)) -> Result<(), IncidentRefused> {
    match a.zip(b) {
        Some((a, b)) if b < a => Err(IncidentRefused::Time { what: format!("{then} is {b}, which is before {first}, {a}") }),
        _ => Ok(()),
    }
}
