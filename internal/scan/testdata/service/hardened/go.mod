module shop.example/service

go 1.22.5

require (
	golang.org/x/text v0.3.7
	golang.org/x/net v0.0.0-20210101000000-000000000000 // indirect
	shop.example/own v1.0.0
)

replace golang.org/x/net => golang.org/x/net v0.0.0-20220906165146-f3363e06e74c

replace shop.example/own => ./own
