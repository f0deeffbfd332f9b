//! `lifeboat plan graph`: services and what they need, or the steps of a recovery workflow, as DOT or as a picture.

mod dot;
mod layout;
mod svg;

use plans::Plan;
use plans::plan::{Step, StepAction, Workflow};

use crate::failure::{Exit, Failure};
use crate::output::Output;
use crate::plan_files;
use crate::settings::Settings;

#[derive(Debug, clap::Args)]
pub(crate) struct GraphArgs {
    /// The recovery workflow to draw, instead of the services
    #[arg(long, value_name = "WORKFLOW")]
    workflow: Option<String>,
    /// The form to write
    #[arg(long, value_enum, default_value_t = Form::Dot)]
    format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Form {
    /// The language of Graphviz
    Dot,
    /// A picture of its own, light and dark
    Svg,
}

/// What a node stands for; it chooses shape and colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Service,
    External,
    Source,
    Repository,
    Step,
    /// A step that people do by hand.
    Manual,
    Approval,
}

#[derive(Debug, Clone)]
struct Node {
    name: String,
    /// A second line, smaller.
    detail: String,
    sort: Sort,
}

/// Nodes, and edges between their positions.
#[derive(Debug, Default)]
struct Graph {
    title: String,
    nodes: Vec<Node>,
    edges: Vec<(usize, usize)>,
}

pub(crate) fn run(args: &GraphArgs, settings: &Settings, output: Output) -> Result<Exit, Failure> {
    let plan = plan_files::load(&settings.plan)?.plan;
    let graph = match &args.workflow {
        None => of_services(&plan),
        Some(name) => {
            let flow = plan.workflows.values().find(|flow| flow.id.as_str() == name).ok_or_else(|| {
                let known: Vec<&str> = plan.workflows.keys().map(base::id::WorkflowId::as_str).collect();
                let fix = if known.is_empty() { "the plan has no workflows".to_owned() } else { format!("it has {}", known.join(", ")) };
                Failure::new("LB0002", Exit::Usage, format!("there is no workflow \"{name}\" in the plan")).fix(fix)
            })?;
            of_workflow(flow)
        }
    };
    output.data(&match args.format {
        Form::Dot => dot::write(&graph),
        Form::Svg => svg::write(&graph),
    });
    Ok(Exit::Done)
}

/// Services, what they need, their sources, and where copies of these live.
fn of_services(plan: &Plan) -> Graph {
    let mut graph = Graph { title: format!("{}: services and what they need", plan.title), ..Graph::default() };
    let span = |span: Option<base::Span>| span.map_or_else(|| "none".to_owned(), |span| span.to_string());
    let mut places = std::collections::BTreeMap::new();
    for service in plan.services.values() {
        let detail = format!("RTO {}, RPO {}", span(service.objectives.rto), span(service.objectives.rpo));
        let sort = if service.external { Sort::External } else { Sort::Service };
        places.insert(("service", service.id.to_string()), graph.add(service.id.as_str(), detail, sort));
    }
    for source in plan.sources.values() {
        let detail = format!("{}, {}", source.kind.word(), source.schedule.text());
        places.insert(("source", source.id.to_string()), graph.add(source.id.as_str(), detail, Sort::Source));
    }
    for place in plan.repositories.values() {
        let detail = place.site.clone().unwrap_or_else(|| place.media.clone());
        places.insert(("repository", place.id.to_string()), graph.add(place.id.as_str(), detail, Sort::Repository));
    }
    let at = |kind: &'static str, id: String| places.get(&(kind, id)).copied();
    let needs = plan.services.values().flat_map(|service| {
        let from = at("service", service.id.to_string());
        let to = service.needs.iter().map(move |need| ("service", need.to_string()));
        to.chain(service.sources.iter().map(|source| ("source", source.to_string()))).map(move |to| (from, to))
    });
    let copies = plan.sources.values().flat_map(|source| {
        let from = at("source", source.id.to_string());
        source.to.iter().map(move |to| (from, ("repository", to.to_string())))
    });
    graph.edges = needs.chain(copies).filter_map(|(from, (kind, id))| Some((from?, at(kind, id)?))).collect();
    graph
}

/// The steps of a workflow, each before those that wait for it.
fn of_workflow(flow: &Workflow) -> Graph {
    let mut graph = Graph { title: format!("Recovery workflow {}", flow.id), ..Graph::default() };
    for step in &flow.steps {
        let (sort, what) = of_step(step);
        graph.add(step.id.as_str(), format!("{what}, within {}", step.within), sort);
    }
    let at = |id: &base::id::StepId| flow.steps.iter().position(|step| step.id == *id);
    graph.edges = (0..).zip(&flow.steps).flat_map(|(n, step)| step.needs.iter().filter_map(at).map(move |need| (need, n))).collect();
    graph
}

fn of_step(step: &Step) -> (Sort, String) {
    match &step.action {
        StepAction::Approve(approval) => (Sort::Approval, format!("approve: {} of {}", approval.min, join(&approval.roles))),
        StepAction::Notify { route, .. } => (Sort::Step, format!("notify {route}")),
        StepAction::Manual(_) => (Sort::Manual, "by hand".to_owned()),
        StepAction::Restore { source, .. } => (Sort::Step, format!("restore {source}")),
        StepAction::Run(command) => (Sort::Step, format!("run {}", command.first().map_or("", String::as_str))),
        StepAction::Check { drill } => (Sort::Step, format!("checks of {drill}")),
    }
}

fn join<T: ToString>(all: &[T]) -> String {
    all.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

impl Graph {
    fn add(&mut self, name: &str, detail: String, sort: Sort) -> usize {
        self.nodes.push(Node { name: name.to_owned(), detail, sort });
        self.nodes.len() - 1
    }
}
