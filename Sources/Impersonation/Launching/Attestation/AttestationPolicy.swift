/// How much a launcher does to look at a job from outside once it runs.
public enum AttestationPolicy: String, Sendable, Hashable, CaseIterable {
    /// Where the kernel tells it by one system call (Linux 6.13), which costs about a microsecond; else not.
    case whenTheKernelOffersIt

    /// Also by the files of `/proc` where the kernel does not tell it otherwise, which costs some percent of a launch.
    case always
}
