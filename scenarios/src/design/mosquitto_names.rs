//! The names of Mosquitto's settings that a file may use, and those that exist but are not modelled yet. From
//! mosquitto.conf(5) of Mosquitto 2.0, and paho-mqtt, the library of the records.

use super::settings::Table;

/// The broker's configuration file.
pub(crate) const BROKER: Table = Table {
    of: "Mosquitto's configuration",
    modelled: &[
        "persistence",
        "autosave_interval",
        "max_inflight_messages",
        "max_queued_messages",
        "max_queued_bytes",
        "queue_qos0_messages",
    ],
    known: &["acl_file allow_anonymous allow_duplicate_messages allow_zero_length_clientid auth_plugin auto_id_prefix
        autosave_on_changes bind_address bind_interface check_retain_source clientid_prefixes connection
        connection_messages http_dir include_dir listener log_dest log_facility log_timestamp log_type max_connections
        max_inflight_bytes max_keepalive max_packet_size max_qos max_topic_alias memory_limit message_size_limit
        mount_point password_file per_listener_settings persistence_file persistence_location
        persistent_client_expiration pid_file port protocol psk_file retain_available set_tcp_nodelay socket_domain
        sys_interval upgrade_outgoing_qos use_username_as_clientid user websockets_headers_size"],
};

/// What a client says: CONNECT, PUBLISH and SUBSCRIBE of MQTT, and what paho-mqtt can be set to.
pub(crate) const CLIENT: Table = Table {
    of: "a client of MQTT",
    modelled: &["qos", "clean_session", "retain", "manual_ack", "max_inflight_messages"],
    known: &["client_id keepalive will will_set protocol transport max_queued_messages reconnect_on_failure
        reconnect_delay_set min_delay max_delay clean_start session_expiry_interval receive_maximum retain_handling
        no_local retain_as_published message_expiry_interval topic_alias_maximum"],
};
