/* SPDX-License-Identifier: Apache-2.0 */
/* The program omnio: finds the subcommand that was asked for and hands over to it. */
#include <omnio/base.h>

#include <stdio.h>

int main(int argc, char **argv)
{
    (void)argv;
    if (argc > 1) printf("omnio %s\n", omn_version());
    return 0;
}
