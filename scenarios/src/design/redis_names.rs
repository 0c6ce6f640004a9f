//! The names of Redis's settings that a file may use, and those that exist but are not modelled yet. From `redis.conf` of
//! Redis 7.0, the commands `XADD`, `XREADGROUP`, `XAUTOCLAIM`, `XGROUP CREATE`, and redis-py, the library of the records.

use super::settings::Table;

/// The server's configuration file.
pub(crate) const SERVER: Table = Table {
    of: "Redis's configuration",
    modelled: &[
        "appendonly",
        "appendfsync",
        "save",
        "stream-node-max-entries",
        "stream-node-max-bytes",
        "client-output-buffer-limit",
    ],
    known: &["bind port protected-mode unixsocket timeout tcp-keepalive tcp-backlog maxclients databases dir dbfilename
        stop-writes-on-bgsave-error rdbcompression rdbchecksum rdb-del-sync-files maxmemory maxmemory-policy
        maxmemory-samples maxmemory-clients lazyfree-lazy-eviction lazyfree-lazy-expire lazyfree-lazy-server-del
        lazyfree-lazy-user-del io-threads oom-score-adj appendfilename appenddirname no-appendfsync-on-rewrite
        auto-aof-rewrite-percentage auto-aof-rewrite-min-size aof-load-truncated aof-use-rdb-preamble
        aof-timestamp-enabled shutdown-timeout shutdown-on-sigint shutdown-on-sigterm busy-reply-threshold
        cluster-enabled replicaof replica-serve-stale-data replica-read-only min-replicas-to-write
        min-replicas-max-lag repl-backlog-size repl-diskless-sync slowlog-log-slower-than latency-monitor-threshold
        notify-keyspace-events client-query-buffer-limit proto-max-bulk-len hz dynamic-hz
        aof-rewrite-incremental-fsync rdb-save-incremental-fsync activedefrag requirepass aclfile"],
};

/// A consumer group that a story makes.
pub(crate) const GROUP: Table =
    Table { of: "a group of Redis", modelled: &["stream", "id"], known: &["MKSTREAM ENTRIESREAD"] };

/// What a client says.
pub(crate) const CLIENT: Table = Table {
    of: "a client of Redis",
    modelled: &["group", "COUNT", "BLOCK", "MAXLEN", "min-idle-time"],
    known: &["consumer NOMKSTREAM MINID LIMIT NOACK JUSTID ENTRIESREAD socket_timeout socket_connect_timeout
        retry_on_timeout retry retry_on_error health_check_interval max_connections decode_responses"],
};
