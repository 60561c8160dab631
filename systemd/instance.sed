# Makes tickd@.service of tickd.service: one file to look after.
s|^# tickd as a service.*|# One tickd of several on a host: tickd@nodes reads /etc/tickd/nodes.conf, and its secrets are\
# /etc/credstore/tickd.nodes.database_url and so on. Instances need a `group` each, unless they are to\
# share the partitions of one, and an `http_listen` each. Your own changes to this unit|
s|^Description=.*|& (%i)|
s|/etc/tickd/tickd\.conf|/etc/tickd/%i.conf|
s|^LoadCredential=tickd\.\(.*\)|&:tickd.%i.\1|
s|^RuntimeDirectory=tickd|&-%i|
