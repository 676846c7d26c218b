//! What could be loaded.

use super::Desk;
use crate::cli;
use crate::failure::Failure;
use crate::figures;
use crate::table::Row;
use gatherd_client::Client;
use gatherd_client::types::{Capability, PluginType};

impl Desk<'_> {
    pub(super) async fn types(&mut self, client: &Client, types: cli::Types) -> Result<(), Failure> {
        let first = client.plugin_types(&types.filter()).await?;
        self.list(client, first, types.limit).await
    }
}

impl Row for PluginType {
    const TITLES: &'static [&'static str] =
        &["TYPE", "KIND", "LIBRARY", "VERSION", "ABI", "CAN", "TRUSTED", "PROBLEM"];

    fn cells(&self) -> Vec<String> {
        let can: Vec<&str> = self.capabilities.iter().copied().map(word).collect();
        vec![
            self.type_name.clone(),
            self.kind.clone(),
            self.library.clone(),
            figures::known(self.version.clone(), |version| version),
            figures::known(self.abi.clone(), |abi| abi),
            figures::known(Some(can.join(" ")).filter(|can| !can.is_empty()), |can| can),
            if self.trusted { "yes" } else { "no" }.to_owned(),
            figures::known(self.problem.as_ref(), |it| format!("{}: {}", it.code, it.message)),
        ]
    }
}

fn word(capability: Capability) -> &'static str {
    match capability {
        Capability::Read => "read",
        Capability::Write => "write",
        Capability::Flush => "flush",
        Capability::Notification => "notification",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paper::Paper;
    use crate::table;
    use gatherd_client::types::PluginTypeProblem;

    #[test]
    fn a_type_that_can_not_be_loaded_says_why() {
        let good = PluginType {
            type_name: "cpu".to_owned(),
            kind: "native".to_owned(),
            library: "libcpu.so".to_owned(),
            version: Some("0.1.0".to_owned()),
            digest: None,
            description: None,
            abi: Some("1.0".to_owned()),
            capabilities: vec![Capability::Read, Capability::Flush],
            config_schema: None,
            trusted: true,
            problem: None,
        };
        let problem = PluginTypeProblem { code: "abi_mismatch".to_owned(), message: "wants 2".to_owned() };
        let bad = PluginType {
            version: None,
            abi: None,
            capabilities: vec![],
            trusted: false,
            problem: Some(problem),
            ..good.clone()
        };
        let expected = "\
TYPE  KIND    LIBRARY    VERSION  ABI  CAN         TRUSTED  PROBLEM
cpu   native  libcpu.so  0.1.0    1.0  read flush  yes      -
cpu   native  libcpu.so  -        -    -           no       abi_mismatch: wants 2
";
        assert_eq!(table::table::<PluginType>(&[good.cells(), bad.cells()], Paper::PLAIN), expected);
    }
}
