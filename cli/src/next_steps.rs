//! The line below the help of each command: which command people want next. Help that ends in a list of flags leaves a newcomer standing.

use clap::Command;

/// Command, the next one, and why.
const NEXT: [(&str, &str, &str); 39] = [
    ("init", "lifeboat backup", "the first backup"),
    ("status", "lifeboat overdue", "everything that is late, the gravest first"),
    ("plan", "lifeboat explain LB2104", "what a rule is for, and what to do"),
    ("backup", "lifeboat drill run", "prove that it can be restored"),
    ("snapshots", "lifeboat ls POINT", "what is in one of them"),
    ("ls", "lifeboat restore POINT:PATH", "get it back, to a new place"),
    ("find", "lifeboat cat POINT:PATH", "look into what was found"),
    ("cat", "lifeboat restore POINT:PATH", "get it back, with its times and rights"),
    ("diff", "lifeboat restore POINT:PATH", "get back what is gone"),
    ("mount", "lifeboat restore POINT:PATH", "get it back, compared with what was recorded"),
    ("restore", "lifeboat drill run", "practise it before it is needed"),
    ("drill", "lifeboat status", "what the drills prove together"),
    ("check", "lifeboat heal --help", "fetch what is damaged from a copy"),
    ("prune", "lifeboat simulate retention --help", "see beforehand what a rule keeps, and why"),
    ("hold", "lifeboat prune --dry-run", "see that held points stay"),
    ("simulate", "lifeboat plan check", "whether the plan holds with what was tried"),
    ("copy", "lifeboat check", "look whether both are whole"),
    ("heal", "lifeboat check", "look whether all is whole again"),
    ("review", "lifeboat overdue", "what else waits for people"),
    ("incident", "lifeboat capa list", "what has to be done so that it does not come back"),
    ("capa", "lifeboat overdue", "what else waits for people"),
    ("feedback", "lifeboat incident list", "what was opened for it"),
    ("change", "lifeboat drill run", "prove the service after the change"),
    ("overdue", "lifeboat status", "can we recover?"),
    ("register", "lifeboat overdue", "rows that nobody looked at for too long"),
    ("evidence", "lifeboat audit verify", "whether the record behind it is whole"),
    ("audit", "lifeboat evidence export --help", "give it to an auditor"),
    ("key", "lifeboat key check --help", "try whether the keys of people open what they must"),
    ("repo", "lifeboat check", "look whether what they hold is whole"),
    ("serve", "lifeboat doctor", "whether this host can do what the plan asks of it"),
    ("doctor", "lifeboat status", "can we recover?"),
    ("explain", "lifeboat plan check", "whether the plan holds now"),
    ("kb", "lifeboat incident list", "what it is written down for"),
    ("binder", "lifeboat review start", "what is written to every repository after it is signed"),
    ("recover", "lifeboat status", "can we recover?"),
    ("approve", "lifeboat audit log", "who asked, and who said yes"),
    ("alert", "lifeboat overdue", "what people are told of"),
    ("job", "lifeboat status", "can we recover?"),
    ("debug", "lifeboat doctor", "whether this host can do what the plan asks of it"),
];

/// Commands that print a text for other programs.
const PLAIN: [&str; 3] = ["completions", "man", "version"];

/// The command line with the next step below the help of each command and of each of its own commands.
pub(crate) fn shown(arguments: Command) -> Command {
    arguments.mut_subcommands(|command| {
        let line = match NEXT.iter().find(|(name, ..)| *name == command.get_name()) {
            Some((_, next, why)) => format!("Next: {next}   {why}"),
            None if PLAIN.contains(&command.get_name()) => "Next: lifeboat --help   all commands".to_owned(),
            None => return command,
        };
        below(command, &line)
    })
}

fn below(command: Command, line: &str) -> Command {
    let text = match command.get_after_help() {
        Some(own) => format!("{own}\n\n{line}"),
        None => line.to_owned(),
    };
    command.after_help(text).mut_subcommands(|inner| below(inner, line))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::arguments::Arguments;

    fn helps(command: &Command, path: &str, found: &mut Vec<(String, String)>) {
        for inner in command.get_subcommands().filter(|inner| inner.get_name() != "help") {
            let path = format!("{path} {}", inner.get_name());
            found.push((path.clone(), inner.clone().render_help().to_string()));
            helps(inner, &path, found);
        }
    }

    #[test]
    fn the_help_of_every_command_names_the_next_one_and_that_one_exists() {
        let mut command = shown(Arguments::command());
        command.build(); // options of all commands are handed down
        let mut found = Vec::new();
        helps(&command, "lifeboat", &mut found);
        assert!(found.len() > 60, "{}", found.len());
        for (path, help) in &found {
            let next =
                help.lines().find_map(|line| line.strip_prefix("Next: ")).unwrap_or_else(|| panic!("{path} has no next step:\n{help}"));
            let mut words = next.split("   ").next().unwrap().split_whitespace().skip(1).peekable();
            let mut known = &command;
            while let Some(word) = words.next_if(|word| known.has_subcommands() && *word != "--help") {
                known = known.find_subcommand(word).unwrap_or_else(|| panic!("{path}: there is no command {word} in {next}"));
            }
            assert!(
                words.peek() == Some(&"--help") || !known.has_subcommands() || !known.is_subcommand_required_set(),
                "{path}: {next} wants more"
            );
        }
    }

    #[test]
    fn what_a_command_says_below_its_help_stays_above_the_next_step() {
        let mut command = shown(Arguments::command());
        command.build(); // options of all commands are handed down
        let diff = command.find_subcommand("plan").and_then(|plan| plan.find_subcommand("diff")).unwrap();
        let help = diff.clone().render_help().to_string();
        let (own, next) = (help.find("Exits with 0 where nothing differs").unwrap(), help.find("Next: ").unwrap());
        assert!(own < next, "{help}");
    }
}
