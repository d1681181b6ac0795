
/*
 * Gives a fuzz target the inputs named, without libFuzzer: a corpus is a test
 * that needs no other build than that of the sanitizers.
 */


#include <fuzz.h>


int
main(int argc, char **argv)
{
    int       i, n;
    FILE     *file;
    size_t    size;
    uint8_t  *copy;

    static uint8_t  buf[1 << 20];

    n = 0;

    (void) LLVMFuzzerInitialize(&n, &argv);

    for (i = 1; i < argc; i++) {
        file = fopen(argv[i], "rb");

        if (file == NULL) {
            perror(argv[i]);
            return 1;
        }

        size = fread(buf, 1, sizeof(buf), file);
        fclose(file);

        /* of exactly that size, so that a byte too much is seen */

        copy = malloc(size ? size : 1);
        memcpy(copy, buf, size);

        (void) LLVMFuzzerTestOneInput(copy, size);

        free(copy);
        n++;
    }

    printf("%d inputs\n", n);

    return 0;
}
