//! The loop around the tasks.

use orchestrator::daemon::once;
use tokio_util::sync::CancellationToken;

use crate::installation::Installation;

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_panics_does_not_keep_the_others_from_their_work() {
    let here = Installation::new().await;
    let fake = std::sync::Arc::clone(&here.fake);
    let panicked = std::thread::spawn(move || {
        let _key = fake.reader.lock().unwrap();
        panic!("a bug of the test's own: whoever asks for the key that reads panics from now on");
    });
    assert!(panicked.join().is_err());
    once(here.desk.parts.clone(), CancellationToken::new()).await;
    here.clock.advance(std::time::Duration::from_hours(24 * 200));
    once(here.desk.parts.clone(), CancellationToken::new()).await;
    assert_eq!(here.events("backup.finished").await.len(), 2, "it comes before the drills");
    assert!(here.told().iter().any(|subject| subject.contains("drill overdue")), "notices come after them");
}
