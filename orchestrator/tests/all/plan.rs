//! The plan in force.

use crate::installation::Installation;

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_plan_never_replaces_a_good_one() {
    let here = Installation::new().await;
    here.look().await;
    let good = here.desk.plan().unwrap().fingerprint;
    here.edit_plan("rto: 1h", "rto: soon");
    here.look().await;
    here.look().await;
    assert_eq!(here.desk.plan().unwrap().fingerprint, good);
    assert_eq!(here.events("plan.refused").await.len(), 1, "said once for each state of the files");
    here.edit_plan("rto: soon", "rto: 2h");
    here.look().await;
    assert_ne!(here.desk.plan().unwrap().fingerprint, good);
    assert_eq!(here.events("plan.loaded").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_comment_is_recorded_as_a_new_file_of_the_same_plan() {
    let here = Installation::new().await;
    here.look().await;
    let good = here.desk.plan().unwrap().fingerprint;
    here.edit_plan("plan: test", "plan: test # a remark");
    here.look().await;
    assert_eq!(here.desk.plan().unwrap().fingerprint, good);
    assert_eq!(here.events("plan.loaded").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_a_command_has_recorded_already_comes_into_force_all_the_same() {
    let here = Installation::new().await;
    here.look().await;
    here.edit_plan("[/bin/true]", "[/bin/false]");
    let texts = here.desk.parts.connect.plan_texts().unwrap();
    let plan = plans::load::load(&texts).unwrap().plan;
    let facts = orchestrator::Facts::gather(plan.id.clone(), &here.desk.parts.journal).await.unwrap();
    assert!(orchestrator::tasks::plan::record(&here.desk.parts, &facts, &plan, &texts).await.unwrap());
    here.look().await;
    let channels = |plan: &plans::Plan| format!("{:?}", plan.alerts.channels);
    assert_eq!(channels(&here.desk.plan().unwrap()), channels(&plan));
    assert_eq!(here.events("plan.loaded").await.len(), 2);
}
