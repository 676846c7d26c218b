//! The policy file that the configuration names: read with it, at a start and again.

use std::path::PathBuf;

use gatherd_api::auth::{RoutePolicy, RoutePolicyError};
use gatherd_engine::desired::{Layers, LayersError, Problem, Source};
use gatherd_engine::port::ConfigProblem;

/// Reads the policy file; a policy that says nothing where the configuration names none.
///
/// # Errors
///
/// All that is wrong with it, each with its line; or with the key that names it, where it cannot be read or others may
/// write it.
pub(crate) fn read(layers: &Layers) -> Result<RoutePolicy, LayersError> {
    let Some(path) = layers.document().access_policy else {
        return Ok(RoutePolicy::default());
    };
    let problems = match RoutePolicy::read(&path) {
        Ok(policy) => return Ok(policy),
        Err(RoutePolicyError::Wrong(faults)) => {
            faults.into_iter().map(|fault| in_file(path.clone(), fault.line, fault.detail)).collect()
        }
        Err(error @ RoutePolicyError::File(_)) => {
            let detail = format!("{:#}", anyhow::Error::new(error));
            vec![layers.place(ConfigProblem { pointer: "/access_policy".to_owned(), detail })]
        }
    };
    Err(LayersError { problems })
}

fn in_file(path: PathBuf, line: usize, detail: String) -> Problem {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Problem {
        source: Source::File(name.into()),
        path: Some(path),
        line: Some(line),
        key: String::new(),
        detail,
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use gatherd_engine::desired::Inputs;

    use super::*;

    /// What is wrong when the configuration names a policy file with this text; names without their directory.
    fn told(text: &str, mode: u32) -> Vec<String> {
        let place = tempfile::tempdir().unwrap();
        let (main, policy) = (place.path().join("gatherd.toml"), place.path().join("policy.toml"));
        fs::write(&policy, text).unwrap();
        fs::set_permissions(&policy, Permissions::from_mode(mode)).unwrap();
        fs::write(&main, format!("interval = 5\naccess_policy = {policy:?}\n")).unwrap();
        let layers = Layers::read(&Inputs { main: Some(main), ..Inputs::default() }).unwrap();
        let prefix = format!("{}/", place.path().display());
        match read(&layers) {
            Ok(_) => Vec::new(),
            Err(error) => error.problems.iter().map(|it| it.to_string().replace(&prefix, "")).collect(),
        }
    }

    #[test]
    fn what_is_wrong_in_it_is_told_with_its_line() {
        assert_eq!(told("[routes]\n\"GET /v1/audit\" = \"member\"\n", 0o644), Vec::<String>::new());
        let wrong = told("[routes]\n\"GET /v1/audit\" = \"all\"\n\"GET /v1/audits\" = \"member\"\n", 0o600);
        let expected = [
            "policy.toml:2: `all` is no role: `reader`, `member`, `admin` or `nobody` is wanted",
            "policy.toml:3: there is no route `GET /v1/audits`; the nearest is `GET /v1/audit`, and /openapi.json \
             lists all",
        ];
        assert_eq!(wrong, expected);
    }

    #[test]
    fn a_file_that_others_may_write_is_told_with_the_key_that_names_it() {
        let wrong = told("", 0o666);
        assert_eq!(
            wrong,
            [
                "gatherd.toml:2: access_policy: policy.toml has mode 666, which lets others in; allow at most 644 (chmod 644)"
            ]
        );
    }
}
