//! Names of the procedures, in the order in which the kernel counts them.
//!
//! Sources: RFC 1094 for version 2, RFC 1813 for version 3, RFC 7530, 5661, 7862 and 8276 for the operations of a
//! server of version 4. A client of version 4 counts by a list of its own, which grew with the kernel: what its
//! places mean follows from how many there are. The names are those that collectd reports.

/// Procedures of version 2.
pub(crate) const V2: [&str; 18] = [
    "null", "getattr", "setattr", "root", "lookup", "readlink", "read", "wrcache", "write", "create",
    "remove", "rename", "link", "symlink", "mkdir", "rmdir", "readdir", "fsstat",
];

/// Procedures of version 3.
pub(crate) const V3: [&str; 22] = [
    "null",
    "getattr",
    "setattr",
    "lookup",
    "access",
    "readlink",
    "read",
    "write",
    "create",
    "mkdir",
    "symlink",
    "mknod",
    "remove",
    "rmdir",
    "rename",
    "link",
    "readdir",
    "readdirplus",
    "fsstat",
    "fsinfo",
    "pathconf",
    "commit",
];

/// Operations of a server of version 4, by their number in the protocol.
const V4_SERVER: [&str; 72] = [
    "null",
    "compound",
    "reserved",
    "access",
    "close",
    "commit",
    "create",
    "delegpurge",
    "delegreturn",
    "getattr",
    "getfh",
    "link",
    "lock",
    "lockt",
    "locku",
    "lookup",
    "lookupp",
    "nverify",
    "open",
    "openattr",
    "open_confirm",
    "open_downgrade",
    "putfh",
    "putpubfh",
    "putrootfh",
    "read",
    "readdir",
    "readlink",
    "remove",
    "rename",
    "renew",
    "restorefh",
    "savefh",
    "secinfo",
    "setattr",
    "setclientid",
    "setcltid_confirm",
    "verify",
    "write",
    "release_lockowner",
    "backchannel_ctl",
    "bind_conn_to_session",
    "exchange_id",
    "create_session",
    "destroy_session",
    "free_stateid",
    "get_dir_delegation",
    "getdeviceinfo",
    "getdevicelist",
    "layoutcommit",
    "layoutget",
    "layoutreturn",
    "secinfo_no_name",
    "sequence",
    "set_ssv",
    "test_stateid",
    "want_delegation",
    "destroy_clientid",
    "reclaim_complete",
    "allocate",
    "copy",
    "copy_notify",
    "deallocate",
    "ioadvise",
    "layouterror",
    "layoutstats",
    "offloadcancel",
    "offloadstatus",
    "readplus",
    "seek",
    "write_same",
    "clone",
];

/// Operations that a server of version 4.0 has; fewer are no server's.
const V4_SERVER_LEAST: usize = 40;

/// Procedures of a client of version 4.0; the last four came one by one.
const V4_CLIENT: [&str; 38] = [
    "null",
    "read",
    "write",
    "commit",
    "open",
    "open_confirm",
    "open_noattr",
    "open_downgrade",
    "close",
    "setattr",
    "fsinfo",
    "renew",
    "setclientid",
    "setclientid_confirm",
    "lock",
    "lockt",
    "locku",
    "access",
    "getattr",
    "lookup",
    "lookupp",
    "remove",
    "rename",
    "link",
    "symlink",
    "create",
    "pathconf",
    "statfs",
    "readlink",
    "readdir",
    "server_caps",
    "delegreturn",
    "getacl",
    "setacl",
    "fs_locations",
    "release_lockowner",
    "secinfo",
    "fsid_present",
];

/// How many procedures every client of version 4 has.
const V4_CLIENT_LEAST: usize = 34;

/// Procedures of a client of versions 4.1 and 4.2; they follow those of 4.0.
const V41_CLIENT: [&str; 22] = [
    "exchange_id",
    "create_session",
    "destroy_session",
    "sequence",
    "get_lease_time",
    "reclaim_complete",
    "layoutget",
    "getdeviceinfo",
    "layoutcommit",
    "layoutreturn",
    "secinfo_no_name",
    "test_stateid",
    "free_stateid",
    "getdevicelist",
    "bind_conn_to_session",
    "destroy_clientid",
    "seek",
    "allocate",
    "deallocate",
    "layoutstats",
    "clone",
    "copy",
];

/// Procedures of a client of version 4 whose kernel counts `count` of them. Of a kernel that is not known, those that
/// every kernel has.
pub(crate) fn v4_client(count: usize) -> impl Iterator<Item = &'static str> {
    let (first, second) = match count {
        0..V4_CLIENT_LEAST => (0, 0),
        34..=38 => (count, 0),
        40 | 41 => (35, count - 35),
        42 | 44 => (36, count - 36),
        46 | 47 | 51 | 53 => (37, count - 37),
        54 | 55 | 57..=60 => (38, count - 38),
        _ => (V4_CLIENT_LEAST, 0),
    };
    V4_CLIENT[..first].iter().chain(&V41_CLIENT[..second]).copied()
}

/// Operations of a server of version 4 whose kernel counts `count` of them, as far as they are known.
pub(crate) fn v4_server(count: usize) -> impl Iterator<Item = &'static str> {
    let known = if count < V4_SERVER_LEAST { 0 } else { count.min(V4_SERVER.len()) };
    V4_SERVER[..known].iter().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(count: usize) -> Vec<&'static str> {
        v4_client(count).collect()
    }

    #[test]
    fn a_known_client_names_as_many_procedures_as_it_counts() {
        for count in [34, 35, 36, 37, 38, 40, 41, 42, 44, 46, 47, 51, 53, 54, 55, 57, 58, 59, 60] {
            let names = client(count);
            assert_eq!(names.len(), count);
            let mut distinct = names.clone();
            distinct.sort_unstable();
            distinct.dedup();
            assert_eq!(distinct.len(), count, "{names:?}");
        }
    }

    #[test]
    fn what_a_place_means_depends_on_the_kernel() {
        assert_eq!(client(38)[35], "release_lockowner");
        assert_eq!(client(40)[35], "exchange_id");
        assert_eq!(client(42)[35..37], ["release_lockowner", "exchange_id"]);
        assert_eq!(client(53)[36..38], ["secinfo", "exchange_id"]);
        assert_eq!(client(60)[37..39], ["fsid_present", "exchange_id"]);
        assert_eq!(client(60)[59], "copy");
    }

    #[test]
    fn of_an_unknown_client_only_the_common_procedures_are_named() {
        for count in [39, 43, 45, 48, 52, 56, 61, 69, 200] {
            assert_eq!(client(count), V4_CLIENT[..34], "{count}");
        }
        assert_eq!(client(33), [""; 0]);
        assert_eq!(client(0), [""; 0]);
    }

    #[test]
    fn a_server_names_operations_by_their_number() {
        let server = |count| v4_server(count).collect::<Vec<_>>();
        assert_eq!((server(39).len(), server(40).len(), server(59).len(), server(80).len()), (0, 40, 59, 72));
        assert_eq!((server(72)[3], server(72)[38], server(72)[71]), ("access", "write", "clone"));
    }
}
