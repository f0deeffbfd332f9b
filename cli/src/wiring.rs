//! The one place that names concrete stores, clocks and channels.

use std::sync::Arc;

use base::Clock;
use base::clock::SystemClock;

/// The clock of this machine.
pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock::new())
}
