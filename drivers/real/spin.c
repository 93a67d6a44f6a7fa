#include "drivers/real/spin.h"

/* Credit grows with time, whether there is traffic or not. */
static void add_credit(struct spin *spin, uint64_t passed_ns)
{
    uint64_t most_ns = SPIN_WASTE_MOST_US * NS_PER_US;
    uint64_t grown_ns = spin->credit_ns + passed_ns / SPIN_WASTE_PART;
    spin->credit_ns = grown_ns < most_ns ? grown_ns : most_ns;
}

static void look_for_others(struct spin *spin, uint64_t now_ns, uint64_t (*preemptions)(void))
{
    if (now_ns - spin->looked_ns < SPIN_LOOK_NS)
        return;
    uint64_t count = preemptions();
    if (count != spin->preemptions)
        spin->yield_until_ns = now_ns + SPIN_YIELD_NS;
    spin->preemptions = count;
    spin->looked_ns = now_ns;
}

bool spin_heard(struct spin *spin, uint64_t now_ns, uint64_t (*preemptions)(void))
{
    if (spin->window_ns == 0)
        return false;
    uint64_t passed_ns = now_ns - spin->heard_ns;
    spin->heard_ns = now_ns;
    add_credit(spin, passed_ns);
    look_for_others(spin, now_ns, preemptions);
    bool pays = passed_ns < SPIN_NEAR * spin->window_ns && spin->credit_ns >= spin->window_ns;
    spin->until_ns = pays && now_ns >= spin->yield_until_ns ? now_ns + spin->window_ns : 0;
    return spin->until_ns > 0;
}

bool spin_is_over(struct spin *spin, uint64_t now_ns)
{
    if (now_ns < spin->until_ns)
        return false;
    if (spin->until_ns > 0)
        spin->credit_ns -= spin->window_ns;
    spin->until_ns = 0;
    return true;
}
