//! What the command line takes, and what it makes of it.

use super::*;
use clap::CommandFactory;
use clap::error::ErrorKind;
use serde_json::json;

fn parsed(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(std::iter::once("gatherctl").chain(line.split_whitespace()))
}

fn command(line: &str) -> Command {
    parsed(line).unwrap().command
}

fn refused(line: &str) -> ErrorKind {
    parsed(line).unwrap_err().kind()
}

#[test]
fn the_command_line_fits_together() {
    Cli::command().debug_assert();
}

#[test]
fn options_may_stand_before_and_behind_the_command() {
    for line in ["-o json --url http://h status", "status -o json --url http://h"] {
        let options = parsed(line).unwrap().options;
        assert_eq!((options.url.as_deref(), options.output), (Some("http://h"), Form::Json), "{line}");
    }
    assert_eq!(parsed("status").unwrap().options.output, Form::Table);
}

#[test]
fn options_for_tls_go_with_commands_that_have_keys_of_their_own() {
    let Cli { options, command } = parsed("capabilities machine.cpu --cacert a --cert c --key k").unwrap();
    let files = [options.cacert, options.client_cert, options.client_key];
    assert_eq!(files.map(Option::unwrap), ["a", "c", "k"].map(PathBuf::from));
    let Command::Capabilities(wish) = command else { panic!("another command") };
    assert_eq!(wish.key.as_deref(), Some("machine.cpu"));
}

#[test]
fn filters_of_plugins_become_the_api_s() {
    let Command::Plugins(plugins) =
        command("plugins --id cpu-* --type cpu --state backoff --enabled true --limit 20000")
    else {
        panic!("another command");
    };
    let filter = serde_json::to_value(plugins.filter()).unwrap();
    let expected =
        json!({"id": "cpu-*", "type": "cpu", "state": "backoff", "enabled": true, "limit": 10_000});
    assert_eq!(filter, expected);
    assert_eq!(plugins.limit.limit, Some(20_000));
}

#[test]
fn filters_of_series_become_the_api_s() {
    let line = "values --host h --plugin p --plugin-instance i --type t --type-instance j --plugin-id d \
        --since 5 --state okay --fresh true --limit 7";
    let Command::Values(values) = command(line) else { panic!("another command") };
    let filter = serde_json::to_value(values.filter()).unwrap();
    let mut expected = json!({"host": "h", "plugin": "p", "plugin_instance": "i", "type": "t",
        "type_instance": "j", "plugin_id": "d", "since": "5", "state": "okay", "fresh": true, "limit": 7});
    assert_eq!(filter, expected);
    let Command::Metrics(metrics) = command(&line.replace("values", "metrics")) else {
        panic!("another command")
    };
    assert_eq!(serde_json::to_value(metrics.filter()).unwrap(), expected);
    let line = "values stream --host h --plugin p --plugin-instance i --type t --type-instance j --plugin-id d \
        --state okay";
    let Command::Values(values) = command(line) else { panic!("another command") };
    let Some(value::ValueAction::Stream(stream)) = values.action else { panic!("another action") };
    for name in ["since", "fresh", "limit"] {
        expected[name] = serde_json::Value::Null;
    }
    assert_eq!(serde_json::to_value(stream.filter()).unwrap(), expected);
}

#[test]
fn filters_of_notifications_become_the_api_s() {
    let line = "notifications --since 4 --severity warning --plugin-instance i --acknowledged false";
    let Command::Notifications(notifications) = command(line) else { panic!("another command") };
    let filter = serde_json::to_value(notifications.filter()).unwrap();
    let expected = json!({"since": 4, "severity": "warning", "host": null, "plugin": null, "plugin_instance": "i",
        "type": null, "type_instance": null, "acknowledged": false, "limit": null});
    assert_eq!(filter, expected);
}

#[test]
fn filters_of_records_and_lines_become_the_api_s() {
    let Command::Audit(audit) = command("audit --since 4 --user ann --action disable --outcome failure")
    else {
        panic!("another command");
    };
    let expected =
        json!({"since": 4, "user": "ann", "action": "disable", "outcome": "failure", "limit": null});
    assert_eq!(serde_json::to_value(audit.filter()).unwrap(), expected);
    let Command::Plugin(plugin::Plugin::Log(log)) = command("plugin log df --level warn --limit 5") else {
        panic!("another command");
    };
    let expected = json!({"since": null, "level": "warn", "limit": 5});
    assert_eq!(serde_json::to_value(log.filter()).unwrap(), expected);
}

#[test]
fn what_is_followed_has_no_limit() {
    for line in [
        "audit -f --limit 1",
        "plugin log df -f --limit 1",
        "notifications -f --limit 1",
        "notifications -f --acknowledged true",
    ] {
        assert_eq!(refused(line), ErrorKind::ArgumentConflict, "{line}");
    }
}

#[test]
fn what_is_done_with_values_and_notifications_takes_no_filter_before_it() {
    let Command::Values(values) = command("values put") else { panic!("another command") };
    let Some(value::ValueAction::Put(put)) = values.action else { panic!("another action") };
    assert_eq!(put.file, std::path::Path::new("-"));
    assert!(parsed("values --host h put").is_err());
    assert!(parsed("notifications --since 4 acknowledge 7").is_err());
    assert_eq!(refused("notifications acknowledge x"), ErrorKind::ValueValidation);
    assert_eq!(refused("notifications put done"), ErrorKind::MissingRequiredArgument);
    assert!(parsed("notifications put done --severity okay").is_ok());
    assert_eq!(refused("values --history 5"), ErrorKind::MissingRequiredArgument);
    assert!(parsed("values h/p/t --history 5").is_ok());
}

#[test]
fn only_lists_of_values_and_metrics_can_be_csv() {
    for (line, has_csv) in [
        ("values", true),
        ("metrics", true),
        ("values h/p/t", false),
        ("values -w", false),
        ("values put", false),
        ("plugins", false),
    ] {
        assert_eq!(command(line).has_csv(), has_csv, "{line}");
    }
    for line in ["values --format csv", "values -o csv", "values --output csv"] {
        assert_eq!(parsed(line).unwrap().options.output, Form::Csv, "{line}");
    }
}

#[test]
fn a_trial_of_chains_names_a_series_or_a_file() {
    assert_eq!(refused("chain preview"), ErrorKind::MissingRequiredArgument);
    assert!(parsed("chain preview h/p/t --set values=[1]").is_ok());
    assert!(parsed("chain preview --file trial.json").is_ok());
}

#[test]
fn every_state_and_severity_of_the_api_is_taken() {
    for state in ["stopped", "starting", "running", "backoff", "stopping", "failed", "unavailable"] {
        let Command::Plugins(plugins) = command(&format!("plugins --state {state}")) else {
            panic!("another command");
        };
        assert_eq!(plugins.state.map(PluginState::as_str), Some(state));
    }
    assert_eq!(refused("plugins --state asleep"), ErrorKind::InvalidValue);
    assert_eq!(refused("notifications --severity bad"), ErrorKind::InvalidValue);
}

#[test]
fn an_id_follows_its_grammar() {
    assert_eq!(plugin_id("a-1_b").unwrap(), "a-1_b");
    assert_eq!(plugin_id(&"a".repeat(63)).unwrap().len(), 63);
    for wrong in ["", ".", "..", "-a", "A", "a/b", "é", &"a".repeat(64)] {
        assert!(plugin_id(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn an_identifier_has_its_three_parts() {
    assert_eq!(identifier("h/cpu-0/cpu-idle").unwrap(), "h/cpu-0/cpu-idle");
    assert_eq!(identifier("h/df-a/b/x").unwrap(), "h/df-a/b/x");
    for wrong in ["", "h", "h/cpu", "h//cpu", "../plugins/x", "h/./cpu", "/h/cpu"] {
        assert!(identifier(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn one_identifier_and_filters_exclude_each_other() {
    assert_eq!(refused("values h/cpu/cpu --host h"), ErrorKind::ArgumentConflict);
    assert_eq!(refused("values h/cpu/cpu --type cpu"), ErrorKind::ArgumentConflict);
    assert_eq!(refused("values h/cpu/cpu --limit 1"), ErrorKind::ArgumentConflict);
}

#[test]
fn replacing_and_setting_exclude_each_other() {
    assert_eq!(refused("plugin config cpu --replace f --set a=1"), ErrorKind::ArgumentConflict);
    assert_eq!(refused("plugin config cpu --replace f --unset a"), ErrorKind::ArgumentConflict);
    assert_eq!(refused("plugin config cpu --set a"), ErrorKind::ValueValidation);
    assert_eq!(refused("plugin config cpu --if-match x"), ErrorKind::ValueValidation);
}

#[test]
fn a_credential_file_names_its_own_user() {
    assert_eq!(refused("login --credential f --user ann"), ErrorKind::ArgumentConflict);
    let Command::Login(login) = command("login --credential f") else {
        panic!("another command");
    };
    assert_eq!(login.credential.as_deref(), Some(std::path::Path::new("f")));
}

#[test]
fn the_time_between_two_looks_has_bounds_and_needs_a_watch() {
    let Command::Values(values) = command("values -w -n 0.5 h/cpu/cpu") else { panic!("another command") };
    assert!(values.watch);
    assert_eq!(values.interval, Duration::from_millis(500));
    let Command::Top(top) = command("top") else { panic!("another command") };
    assert_eq!(top.interval, Duration::from_secs(2));
    assert_eq!(refused("values -n 1"), ErrorKind::MissingRequiredArgument);
    for wrong in ["0", "0.09", "86401", "NaN", "inf", "-1", "x"] {
        assert_eq!(refused(&format!("top --interval={wrong}")), ErrorKind::ValueValidation, "{wrong}");
    }
}

#[test]
fn a_limit_is_at_least_one() {
    assert_eq!(refused("values --limit 0"), ErrorKind::ValueValidation);
}

#[test]
fn a_password_is_never_an_argument() {
    let Command::User(user::Users::Add(add)) = command("user add ann --role member --password-file f") else {
        panic!("another command");
    };
    assert_eq!((add.user.name.as_str(), add.role.as_str()), ("ann", "member"));
    assert_eq!(add.password.password_file.as_deref(), Some(std::path::Path::new("f")));
    assert_eq!(refused("user add ann --role member --password horse"), ErrorKind::UnknownArgument);
    assert_eq!(refused("user passwd ann horse"), ErrorKind::UnknownArgument);
    assert_eq!(refused("user add ann"), ErrorKind::MissingRequiredArgument);
    assert_eq!(refused("user role ann root"), ErrorKind::InvalidValue);
    for wrong in ["..", "a/b", "a:b", "\u{e9}", &"a".repeat(65)] {
        assert_eq!(refused(&format!("user rotate {wrong}")), ErrorKind::ValueValidation, "{wrong}");
    }
}
