import Glibc

/// SIGTERM and SIGINT, which the service group hears of by Dispatch.
enum StopSignals {
    /// Keeps the two from ending the process before there is a group, in this thread and in every one it starts from now on.
    ///
    /// Jobs do not inherit it: a launcher gives each an empty signal mask.
    static func block() {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in [SIGTERM, SIGINT] { unsafe sigaddset(&set, number) }
        unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
    }
}
