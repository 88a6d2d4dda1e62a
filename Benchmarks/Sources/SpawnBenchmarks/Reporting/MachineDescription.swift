import Glibc

/// The machine a measurement was made on.
struct MachineDescription: Codable, Hashable, Sendable {
    let kernel: String
    let architecture: String
    let processor: String
    let cores: Int
    let memoryBytes: Int

    /// Asks the kernel.
    init() throws {
        guard let release = ProcessFile.text("/proc/sys/kernel/osrelease"),
            let processors = ProcessFile.text("/proc/cpuinfo"),
            let memory = ProcessFile.text("/proc/meminfo")
        else {
            throw BenchmarkError("/proc is not mounted")
        }
        kernel = String(release.prefix { $0 != "\n" })
        #if arch(x86_64)
        architecture = "x86_64"
        #elseif arch(arm64)
        architecture = "aarch64"
        #endif
        processor = ProcessFile.field("model name", of: processors).map(String.init) ?? "unknown processor"
        cores = Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))
        memoryBytes = ProcessFile.bytes("MemTotal", of: memory)
    }
}
