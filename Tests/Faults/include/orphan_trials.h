/* Processes that have children to be looked after, and what becomes of these. Each trial runs in a process of its own, which leads a
 * session, and returns 0, the number of what went wrong, or a negative error number where it cannot be made. */
#ifndef ORPHAN_TRIALS_H
#define ORPHAN_TRIALS_H

/* Kills or reaps the children of this process in other sessions but one, and returns how many it has found. */
typedef int (*orphan_killer)(int but);

/* One that lives stands behind as many that have ended: 1 if any is left once none is found. */
int orphan_trial_behind_dead(int count, orphan_killer kill_orphans);

/* One in the session of this process, the excepted one, and another one: 1 if the first has ended, 2 if the second has, 4 if the third
 * has not. */
int orphan_trial_sessions(orphan_killer kill_orphans);

/* /proc has the numbers of another namespace, and that of the child there is that of a stranger here: 1 if that has ended. */
int orphan_trial_foreign_numbers(orphan_killer kill_orphans);

/* This process can open nothing: 1 if it does not say so while there is a child, 2 if it says so where there is none. */
int orphan_trial_no_descriptors(orphan_killer kill_orphans);

#endif
