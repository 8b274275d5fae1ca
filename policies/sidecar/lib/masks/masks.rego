# METADATA
# title: Masks
# description: The words of masks. Of several masks on the same thing the strictest is carried out.
package sidecar.lib.masks

# METADATA
# title: Rank
# description: The actions, and how strict each is.
rank := {"keep": 0, "last4": 1, "pseudonym": 2, "mask": 3, "drop": 4}
