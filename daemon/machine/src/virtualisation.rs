//! What the machine runs in: a hypervisor, a container, both or neither.

use gatherd_api_types::Virtualisation;

use crate::cpu;
use crate::root::{Root, Told};

/// What the firmware calls itself under a hypervisor, and the hypervisor; the first that fits.
const VENDORS: &[(&str, &str)] = &[
    ("KVM", "kvm"),
    ("QEMU", "kvm"),
    ("Amazon EC2", "amazon"),
    ("Google", "google"),
    ("VMware", "vmware"),
    ("innotek GmbH", "oracle"),
    ("VirtualBox", "oracle"),
    ("Xen", "xen"),
    ("Microsoft Corporation", "microsoft"),
    ("Parallels", "parallels"),
    ("BHYVE", "bhyve"),
    ("Bochs", "bochs"),
];

/// Files that the managers of containers leave, and the manager.
const MARKS: &[(&str, &str)] = &[(".dockerenv", "docker"), ("run/.containerenv", "podman")];

pub(crate) fn look(root: &Root) -> Told<Virtualisation> {
    let cpuinfo = root.text("proc/cpuinfo");
    let flags = cpuinfo.as_deref().map(|text| cpu::parse(text).flags).unwrap_or_default();
    let has = |flag: &str| flags.iter().any(|it| it == flag);
    let known = Virtualisation {
        hypervisor: hypervisor(root, has("hypervisor")),
        container: container(root),
        hosts_guests: has("vmx") || has("svm"),
    };
    Told { known: Some(known), why: cpuinfo.err() }
}

fn hypervisor(root: &Root, is_guest: bool) -> Option<String> {
    // The first machine of a Xen host says so, though it runs under none.
    let xen = || root.line("sys/hypervisor/type").filter(|_| !is_xen_host(root));
    if !is_guest {
        return xen();
    }
    let said = ["sys_vendor", "product_name", "bios_vendor"]
        .map(|file| root.line(&format!("sys/class/dmi/id/{file}")));
    let known = VENDORS.iter().find(|(vendor, _)| said.iter().flatten().any(|it| it.starts_with(vendor)));
    known.map(|(_, hypervisor)| (*hypervisor).to_owned()).or_else(xen).or_else(|| Some("other".to_owned()))
}

fn is_xen_host(root: &Root) -> bool {
    root.text("proc/xen/capabilities").is_ok_and(|text| text.contains("control_d"))
}

fn container(root: &Root) -> Option<String> {
    let said = root.line("run/systemd/container");
    let left = || MARKS.iter().find(|(mark, _)| root.has(mark)).map(|(_, manager)| (*manager).to_owned());
    said.or_else(left).or_else(|| kubernetes(root))
}

/// Pods have their names in the paths of their groups.
fn kubernetes(root: &Root) -> Option<String> {
    let groups = root.text("proc/self/cgroup").ok()?;
    groups.contains("kubepods").then(|| "kubernetes".to_owned())
}
