//! Every figure of a report, computed from facts and records.
