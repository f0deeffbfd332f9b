//! What people are told about reviews, over years.

use std::time::Duration;

use crate::installation::Installation;

const DAY: Duration = Duration::from_hours(24);

fn about_reviews(told: Vec<String>) -> Vec<String> {
    told.into_iter().filter(|subject| subject.contains("review")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_that_is_never_held_is_alerted_once_at_six_months_and_then_reminded() {
    let here = Installation::new().await;
    here.look().await;
    for _ in 0..180 {
        here.advance(DAY).await;
    }
    assert_eq!(about_reviews(here.told()), Vec::<String>::new(), "until 30 June nothing is overdue");
    here.advance(DAY * 2).await;
    here.look().await;
    assert_eq!(about_reviews(here.told()), ["[lifeboat] ALERT review overdue: plan test"]);
    for _ in 0..6 {
        here.advance(DAY).await;
    }
    assert_eq!(about_reviews(here.told()), Vec::<String>::new());
    for _ in 0..8 {
        here.advance(DAY).await;
    }
    assert_eq!(about_reviews(here.told()), ["[lifeboat] STILL review overdue: plan test"; 2], "every seven days");
    assert_eq!(here.events("review.started").await.len(), 1, "one review was opened for the people who must sign it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_could_not_be_delivered_is_sent_again_and_only_once() {
    let here = Installation::new().await;
    here.look().await;
    *here.fake.told.broken.lock().unwrap() = true;
    here.advance(DAY * 190).await;
    here.look().await;
    assert_eq!(about_reviews(here.told()), Vec::<String>::new());
    *here.fake.told.broken.lock().unwrap() = false;
    for _ in 0..5 {
        here.advance(Duration::from_hours(1)).await;
    }
    assert_eq!(about_reviews(here.told()), ["[lifeboat] ALERT review overdue: plan test"]);
}
