# The rules of world.py's policies. POST /v1/data/gate/answer,
# input: token, camera_id, quality; data: secret, cameras by id.
package gate

tiers := {"low": 1, "medium": 2, "high": 3}

names := {1: "low", 2: "medium", 3: "high"}

streams_of := {"admin": 16, "operator": 4, "guard": 4, "contractor": 2, "display": 1}

verified := io.jwt.decode_verify(input.token, {"secret": data.secret, "alg": "HS256"})

# exp and nbf that are there were checked with the signature
subject := verified[2] if {
	verified[0]
	verified[2].exp
	is_string(verified[2].sub)
}

roles := {r | some r in subject.roles}

camera := data.cameras[input.camera_id]

wish := 3 if not input.quality

wish := tiers[input.quality]

answer := {"verdict": "invalid"} if {
	not valid
} else := {"verdict": "unauthenticated"} if {
	not subject
} else := {"verdict": "no camera"} if {
	not camera
} else := {"verdict": "deny", "reason": denied.reason, "rule": denied.rule} if {
	denied
} else := {"verdict": "deny", "reason": "no policy allows this", "rule": ""} if {
	not allowed
} else := {
	"verdict": "allow", "camera_id": input.camera_id, "quality": names[best],
	"rule": allowed, "scopes": scopes,
}

valid if {
	is_string(input.camera_id)
	wish
}

cleared if camera.level <= 1

cleared if "admin" in roles

cleared if {
	is_number(subject.clearance)
	subject.clearance >= camera.level
}

lobby if "lobby" in camera.tags

open if {
	time.clock(time.now_ns())[0] < 24
	time.weekday(time.now_ns())
}

denied := {"rule": "camera-levels", "reason": reason} if {
	not cleared
	reason := sprintf("this camera needs clearance %d", [camera.level])
} else := {"rule": "contractors", "reason": "contractors see lobby cameras only"} if {
	"contractor" in roles
	not lobby
} else := {"rule": "contractors", "reason": "outside office hours"} if {
	"contractor" in roles
	not open
} else := {"rule": "public-displays", "reason": "displays show lobby cameras only"} if {
	"display" in roles
	not lobby
}

staff if "operator" in roles

staff if "guard" in roles

of_the_site if {
	staff
	camera.site in subject.sites
}

allowed := "roles-and-sites" if {
	"admin" in roles
} else := "roles-and-sites" if {
	of_the_site
} else := "contractors" if {
	"contractor" in roles
} else := "public-displays" if {
	"display" in roles
}

best := 1 if {
	"display" in roles
} else := min([2, wish]) if {
	"contractor" in roles
} else := wish

streams := max({1} | {streams_of[r] | some r in roles})

of_all := [
	{"name": concat(":", ["user", subject.sub]), "limit": streams, "unit": "streams"},
	{"name": concat(":", ["camera", input.camera_id]), "limit": 100, "unit": "streams"},
]

scopes := array.concat(of_all, [{
	"name": concat(":", ["uplink", camera.site]),
	"limit": 200000, "unit": "kbps",
}]) if {
	camera.site != ""
} else := of_all
