/* A process that has the number that another one had before: the kernel gives a number away again once all of them were used. */
#ifndef PROCESS_NUMBER_H
#define PROCESS_NUMBER_H

#include <stdint.h>

/* Forks a process with that number (clone3(2), set_tid), of that account, which leads a session of its own and does nothing until
 * this process ends. Returns its number or a negative error number: -EEXIST as long as somebody has it. */
int process_with_number(int number, uint32_t user);

/* Kills it and waits for it. */
void process_with_number_end(int number);

#endif
