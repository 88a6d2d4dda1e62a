/// The keys that can stand in a worker's file.
enum ConfigurationKeys {
    /// Every known key by its name.
    static let all: [String: ConfigurationKey] = {
        let keys =
            heeded + bootstrap.map { ConfigurationKey($0, .qubeOnly, isLocalOnly: true) }
            + withSecrets.map { ConfigurationKey($0, .qubeOnly, holdsSecret: true) }
            + others.map { ConfigurationKey($0, .qubeOnly) }
        return Dictionary(keys.map { ($0.name, $0) }) { first, _ in first }
    }()

    /// The keys this library heeds, in the order they are shown.
    static let heeded: [ConfigurationKey] = [
        ConfigurationKey("proxy_execution_mode", .qube, decidesIdentity: true),
        ConfigurationKey("proxy_account", .qube, decidesIdentity: true),
        ConfigurationKey("proxy_password", .qube, decidesIdentity: true, holdsSecret: true),
        ConfigurationKey("worker_host_domain", .qube, decidesIdentity: true),
        ConfigurationKey("proxy_nice_value", .qube),
        ConfigurationKey("service_mode", .library, decidesIdentity: true, isLocalOnly: true),
        ConfigurationKey("launch_backend", .library, decidesIdentity: true),
        ConfigurationKey("pam_service", .library, decidesIdentity: true),
        ConfigurationKey("minimum_uid", .library, decidesIdentity: true),
        ConfigurationKey("denied_accounts", .library, decidesIdentity: true),
        ConfigurationKey("allowed_accounts", .library, decidesIdentity: true),
        ConfigurationKey("denied_groups", .library, decidesIdentity: true),
        ConfigurationKey("allowed_groups", .library, decidesIdentity: true),
        ConfigurationKey("visible_domains", .library, decidesIdentity: true),
        ConfigurationKey("domain_separator", .library, decidesIdentity: true),
        ConfigurationKey("environment", .library),
        ConfigurationKey("state", .library, decidesIdentity: true, isLocalOnly: true, holdsSecret: true),
        ConfigurationKey("audit_log", .library, isLocalOnly: true),
    ]

    /// What Qube!'s worker reads before it asks for the central file, which cannot set it therefore.
    private static let bootstrap = [
        "qb_directory", "qb_domain", "qb_supervisor", "worker_address", "worker_boot_delay",
        "worker_journal_location", "worker_lookup", "worker_max_threads", "worker_pidfile", "worker_port",
    ]

    /// Settings of Qube! that hold passwords, encrypted or not.
    private static let withSecrets = [
        "client_drive_map", "database_password", "mail_password", "worker_drive_map",
    ]

    /// The rest of Qube!'s configuration parameter reference, and the names that only other pages of its manual and
    /// its example files mention.
    private static let others = [
        "aw_activation_work_count", "aw_job_migrate_max", "client_account", "client_cluster", "client_host_domain",
        "client_job_flags", "client_logpath", "client_priority", "client_restrictions", "database_host",
        "database_port", "database_user", "mail_administrator", "mail_connection_type", "mail_domain", "mail_from",
        "mail_host", "mail_job_status_format", "mail_license_status_format", "mail_port", "mail_subjob_status_format",
        "mail_user", "mail_work_status_format", "proxy_location", "supervisor_address", "supervisor_default_cluster",
        "supervisor_default_group_security", "supervisor_default_hostorder", "supervisor_default_max_cpus",
        "supervisor_default_p_agenda_priority", "supervisor_default_pgrp_subjob_limit", "supervisor_default_priority",
        "supervisor_default_security", "supervisor_default_user_subjob_limit", "supervisor_flags",
        "supervisor_global_resources", "supervisor_heartbeat_interval", "supervisor_heartbeat_timeout",
        "supervisor_highest_user_priority", "supervisor_host_policy", "supervisor_id", "supervisor_idle_threads",
        "supervisor_job_flags", "supervisor_language_flags", "supervisor_log_flags", "supervisor_logfile",
        "supervisor_logpath", "supervisor_manifest", "supervisor_manifest_flags", "supervisor_max_clients",
        "supervisor_max_cpus_limit", "supervisor_max_metered_licenses", "supervisor_max_postboard_retry",
        "supervisor_max_priority", "supervisor_max_threads", "supervisor_max_worker_requeue",
        "supervisor_max_worker_retry", "supervisor_migrate_timeout", "supervisor_p_agenda_max",
        "supervisor_partner_licensing_host", "supervisor_partner_licensing_port", "supervisor_pgrp_subjob_limits",
        "supervisor_pidfile", "supervisor_policy_binding", "supervisor_policy_library", "supervisor_port",
        "supervisor_preempt_policy", "supervisor_queue_algorithm", "supervisor_queue_binding",
        "supervisor_queue_library", "supervisor_reserve_timeout", "supervisor_smart_share_mode",
        "supervisor_smart_share_preempt_policy", "supervisor_tmp_path", "supervisor_universal_callback_path",
        "supervisor_user_subjob_limits", "supervisor_verbosity", "supervisor_worker_configfile",
        "worker_boot_diagnostics_retries", "worker_boot_diagnostics_retry_interval", "worker_check_interval",
        "worker_cluster", "worker_cpus", "worker_description", "worker_flags", "worker_flight_check_path",
        "worker_groups", "worker_heartbeat_interval", "worker_idle_threads", "worker_job_types", "worker_log_timeout",
        "worker_logfile", "worker_logmode", "worker_logpath", "worker_max_clients", "worker_path_map",
        "worker_post_interval", "worker_properties", "worker_resources", "worker_restrictions",
        "worker_template_path",
    ]
}
