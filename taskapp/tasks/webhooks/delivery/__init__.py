"""``flask webhooks deliver``: sends the changes of users to their webhooks, in order.

The log of changes is the queue. A webhook is due if a change follows the last one that it has received. A process takes
a lease of it, sends the next changes, and records the result. If the process dies, the lease runs out, and another
process sends the same bytes again.
"""
