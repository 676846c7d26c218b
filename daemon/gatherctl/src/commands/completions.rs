//! Scripts that let a shell complete.
//!
//! Commands and options are made from the description of the command line. Ids of plugins are asked of the
//! daemon at each completion; it has two seconds, and where it does not answer there are no ids.

use super::Desk;
use crate::cli::{Cli, Shell};
use crate::failure::Failure;
use clap::CommandFactory;
use clap_complete::{generate, shells};

/// What the commands of `plugin` are called that take the id of one that is there.
const TAKE_ID: [&str; 10] =
    ["show", "enable", "disable", "restart", "reload", "set", "remove", "config", "test", "log"];

/// How zsh's script names an id before it is taught to ask.
const ZSH_ID: &str = ":id -- Id of the plugin:_default";

impl Desk<'_> {
    pub(super) fn completions(&mut self, shell: Shell) -> Result<(), Failure> {
        Ok(self.output.text(&script(shell))?)
    }
}

/// The whole script for `shell`.
fn script(shell: Shell) -> String {
    let mut made = Vec::new();
    let (mut command, name) = (Cli::command(), "gatherctl");
    match shell {
        Shell::Bash => generate(shells::Bash, &mut command, name, &mut made),
        Shell::Zsh => generate(shells::Zsh, &mut command, name, &mut made),
        Shell::Fish => generate(shells::Fish, &mut command, name, &mut made),
    }
    let made = String::from_utf8_lossy(&made);
    match shell {
        Shell::Bash => format!("{made}{}", bash_ids()),
        Shell::Zsh => zsh_with_ids(&made),
        Shell::Fish => format!("{made}{}", fish_ids()),
    }
}

/// Completes the word behind `plugin <verb>` by ids, and leaves all else to the made function.
fn bash_ids() -> String {
    let take_id = TAKE_ID.map(|verb| format!("\"plugin {verb}\"")).join(" | ");
    format!(
        r#"
_gatherctl_with_ids() {{
    local verb=${{COMP_WORDS[COMP_CWORD-1]}} before=${{COMP_WORDS[COMP_CWORD-2]-}} word=${{COMP_WORDS[COMP_CWORD]}}
    case "$before $verb" in
        {take_id})
            if [[ $word != -* ]]; then
                local ids
                ids=$(timeout 2 gatherctl plugins 2>/dev/null | tail -n +2 | cut -d ' ' -f 1)
                COMPREPLY=($(compgen -W "$ids" -- "$word"))
                return
            fi
            ;;
    esac
    _gatherctl "$@"
}}
complete -F _gatherctl_with_ids -o bashdefault -o default gatherctl
"#
    )
}

/// Lets each id be asked for in the place of a file name.
fn zsh_with_ids(made: &str) -> String {
    let ids = r"
_gatherctl_ids() {
    local -a ids
    ids=(${${(f)$(timeout 2 gatherctl plugins 2>/dev/null)}[2,-1]%% *})
    compadd -a ids
}
";
    let asking = made.replace(ZSH_ID, ":id -- Id of the plugin:_gatherctl_ids");
    let (head, rest) = asking.split_once("_gatherctl() {").unwrap_or(("", &asking));
    format!("{head}{}\n_gatherctl() {{{rest}", ids.trim_start())
}

/// Offers ids behind `plugin <verb>`.
fn fish_ids() -> String {
    let verbs = TAKE_ID.join(" ");
    format!(
        "complete -c gatherctl -f -n \"__fish_seen_subcommand_from plugin; and __fish_seen_subcommand_from {verbs}\" \
         -a \"(timeout 2 gatherctl plugins 2>/dev/null | tail -n +2 | string split -f 1 ' ')\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

    #[test]
    fn each_shell_knows_every_command_and_option() {
        for shell in SHELLS {
            let script = script(shell);
            for command in Cli::command().get_subcommands() {
                assert!(script.contains(command.get_name()), "{shell:?} lacks {}", command.get_name());
                for option in command.get_arguments().filter_map(clap::Arg::get_long) {
                    assert!(script.contains(option), "{shell:?} lacks {option}");
                }
            }
        }
    }

    #[test]
    fn each_shell_asks_for_ids_where_a_command_takes_one() {
        let plugin = Cli::command().find_subcommand("plugin").cloned().unwrap();
        let verbs = plugin.get_subcommands().map(clap::Command::get_name);
        let verbs: Vec<&str> = verbs.filter(|verb| *verb != "add").collect();
        assert_eq!(verbs, TAKE_ID);
        assert!(script(Shell::Bash).contains("\"plugin show\" | \"plugin enable\" | "));
        assert_eq!(script(Shell::Zsh).matches(":_gatherctl_ids'").count(), verbs.len());
        assert!(!script(Shell::Zsh).contains(ZSH_ID));
        assert!(
            script(Shell::Fish)
                .contains("from show enable disable restart reload set remove config test log\"")
        );
    }

    #[test]
    fn zsh_finds_the_directive_in_the_first_line() {
        assert!(script(Shell::Zsh).starts_with("#compdef gatherctl\n"));
        assert_eq!(script(Shell::Zsh).matches("\n_gatherctl() {").count(), 1);
    }
}
